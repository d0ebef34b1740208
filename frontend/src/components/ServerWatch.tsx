import { useEffect, useRef, useState, type ReactNode } from 'react';

import { apiUrl } from '../api/client';
import { suspectServer, useServerLost } from '../api/serverState';
import { IMAGERY } from '../map/useImagery';
import { LABELS } from '../map/useLabels';
import { useMap } from '../map/MapProvider';
import { useWording } from '../texts';

const look = () => suspectServer(apiUrl('/healthz'));

/** Tell when the server cannot be reached, and fetch what failed once it is back. */
export function ServerBanner() {
  const { texts } = useWording();
  const { map } = useMap();
  const lost = useServerLost();
  const wasLost = useRef(false);

  useEffect(() => {
    const stop = new AbortController();
    addEventListener('offline', look, { signal: stop.signal });
    map?.on('error', look);
    return () => {
      stop.abort();
      map?.off('error', look);
    };
  }, [map]);
  useEffect(() => {
    if (wasLost.current && !lost)
      for (const source of [IMAGERY, LABELS]) if (map?.getSource(source)) map.refreshTiles(source);
    wasLost.current = lost;
  }, [map, lost]);

  return (
    <div role="status" className={lost ? 'offline' : undefined}>
      {lost && texts.header.offline}
    </div>
  );
}

/** Render its children anew when the server is back, so that they ask again. */
export function AskAgain({ children }: { children: (key: number) => ReactNode }) {
  const lost = useServerLost();
  const [state, setState] = useState({ lost, count: 0 });
  if (state.lost !== lost) setState({ lost, count: state.count + (lost ? 0 : 1) });
  return children(state.count);
}
