import type { Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl';
import { useEffect } from 'react';

import { wrapLongitude } from '../state/parsePlace';
import { addressNow, changeAddress } from '../state/useAddress';

/** Open the place panel for the place that is clicked, or for the centre when Enter is pressed on the map. */
export function useClicks(map: MapLibreMap | undefined) {
  useEffect(() => {
    if (!map) return undefined;
    const canvas = map.getCanvas();
    // Clicks draw in the area panel.
    const isDrawing = () => addressNow().panel === 'area';
    const click = ({ lngLat, originalEvent }: MapMouseEvent) => {
      if (!isDrawing() && originalEvent.detail < 2) openPlace(lngLat);
    };
    const press = (event: KeyboardEvent) => {
      if (event.key === 'Enter' && !isDrawing()) openPlace(map.getCenter());
    };
    map.on('click', click);
    canvas.addEventListener('keydown', press);
    return () => {
      map.off('click', click);
      canvas.removeEventListener('keydown', press);
    };
  }, [map]);
}

/** Show which labels apply at a place of the map. */
export function openPlace({ lat, lng }: { lat: number; lng: number }) {
  changeAddress({ panel: 'place', point: { lat, lon: wrapLongitude(lng) } });
}
