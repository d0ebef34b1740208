import { useSyncExternalStore } from 'react';

const PAUSE_MS = 3000;
const listeners = new Set<() => void>();
let lost = false;
let looking = false;

/** Whether the server cannot be reached now. */
export function useServerLost(): boolean {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => lost,
  );
}

/** Look whether the server is there, as a request failed; ask again until it is. */
export function suspectServer(healthUrl: string) {
  if (looking) return;
  looking = true;
  const look = async () => {
    const there = await fetch(healthUrl, { cache: 'no-store' }).then(
      response => response.ok,
      () => false,
    );
    if (lost === there) {
      lost = !there;
      listeners.forEach(listener => listener());
    }
    if (there) looking = false;
    else setTimeout(() => void look(), PAUSE_MS);
  };
  void look();
}
