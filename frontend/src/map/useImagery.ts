import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { apiUrl } from '../api/client';

export const IMAGERY = 'imagery';

/** Show the imagery without scenes acquired after a moment (default: all). */
export function useImagery(map: MapLibreMap | undefined, at?: string) {
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
