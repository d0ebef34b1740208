import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { DARK, LIGHT } from '../layers/base';

/** Keep the base's colours to what the reader prefers, light or dark. */
export function useTheme(map: MapLibreMap | undefined) {
  useEffect(() => {
    if (!map) return undefined;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const paint = () => {
      const colors = dark.matches ? DARK : LIGHT;
      map.setPaintProperty('sea', 'background-color', colors.sea);
      map.setPaintProperty('land', 'fill-color', colors.land);
      for (const { id } of map.getStyle().layers) {
        if (id === 'coast' || id.startsWith('graticule')) map.setPaintProperty(id, 'line-color', colors.line);
      }
    };
    dark.addEventListener('change', paint);
    return () => dark.removeEventListener('change', paint);
  }, [map]);
}
