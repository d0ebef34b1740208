import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { apiUrl } from '../api/client';
import { useAddress } from '../state/useAddress';

export const IMAGERY = 'imagery';

/** Show the imagery as it was at the moment that is chosen. */
export function useImagery(map: MapLibreMap | undefined) {
  const [{ at }] = useAddress();
  useEffect(() => {
    if (!map) return undefined;
    const url = apiUrl('/imagery.json', { format: 'webp', at });
    map.addSource(IMAGERY, { type: 'raster', url, tileSize: 256 });
    map.addLayer({ id: IMAGERY, type: 'raster', source: IMAGERY }, 'coast');
    return () => {
      map.removeLayer(IMAGERY);
      map.removeSource(IMAGERY);
    };
  }, [map, at]);
}
