import { useSyncExternalStore } from 'react';

import { formatAddress, parseAddress, type Address } from './address';

/** Changes of an address; undefined removes what was there. */
export type AddressChange = Partial<Address>;

const listeners = new Set<() => void>();
let current = parseAddress(location.search);

addEventListener('popstate', () => {
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
  const query = formatAddress(next);
  if (query === formatAddress(current)) return;
  current = next;
  history[replace ? 'replaceState' : 'pushState'](null, '', query ? `?${query}` : location.pathname);
  listeners.forEach(listener => listener());
}

/** The page's address, and what changes it. */
export function useAddress(): [Address, typeof changeAddress] {
  return [useSyncExternalStore(subscribe, addressNow), changeAddress];
}
