import { useEffect, useRef } from 'react';

import { useWording } from '../texts';
import { GettingStarted } from './GettingStarted';
import { useAnyScene } from './useAnyScene';

/** Over the map of an empty database: how to get imagery in. */
export function EmptyMap() {
  const { texts } = useWording();
  const any = useAnyScene();
  const wasEmpty = useRef(false);
  useEffect(() => {
    if (any === false) wasEmpty.current = true;
    // What was fetched of an empty database (bounds, sources, models) is all outdated.
    else if (any && wasEmpty.current) location.reload();
  }, [any]);
  if (any !== false) return null;
  return (
    <section className="empty-map" aria-label={texts.start.title}>
      <h2>{texts.start.title}</h2>
      <GettingStarted />
    </section>
  );
}
