import { useSyncExternalStore } from 'react';

import { formatAddress, parseAddress, type Address } from './address';
import { throttle } from './throttle';

/** Changes of an address; undefined removes what was there. */
export type AddressChange = Partial<Address>;

const listeners = new Set<() => void>();
let current = parseAddress(location.search);

// Browsers refuse more than a hundred changes of their history in ten seconds; a slider makes more.
const REPLACE_MS = 150;
const replacing = throttle(() => history.replaceState(null, '', urlOf(current)), REPLACE_MS);

addEventListener('pagehide', replacing.flush);
addEventListener('popstate', () => {
  replacing.cancel();
  current = parseAddress(location.search);
  listeners.forEach(listener => listener());
});

/** The page's address now. */
export const addressNow = (): Address => current;

/** Call a function whenever the reader goes back or forward; returns what stops it. */
export function onBack(listener: (address: Address) => void): () => void {
  const call = () => listener(parseAddress(location.search));
  addEventListener('popstate', call);
  return () => removeEventListener('popstate', call);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/**
 * Change the page's address.
 *
 * `replace` keeps the entry of the browser's history, for what changes all the time (the view, a
 * slider); else "Back" returns to what was shown before.
 */
export function changeAddress(change: AddressChange, { replace = false } = {}) {
  const next: Address = { ...current, ...change, panel: change.panel ?? current.panel };
  if (formatAddress(next) === formatAddress(current)) return;
  if (!replace) {
    replacing.flush();
    history.pushState(null, '', urlOf(next));
  }
  current = next;
  if (replace) replacing.call();
  listeners.forEach(listener => listener());
}

function urlOf(address: Address): string {
  const query = formatAddress(address);
  return query ? `?${query}` : location.pathname;
}

/** The page's address, and what changes it. */
export function useAddress(): [Address, typeof changeAddress] {
  return [useSyncExternalStore(subscribe, addressNow), changeAddress];
}
