import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';

import { fetchLand } from '../layers/base';

/** Put land on a map's base, and tell by `aria-busy` of its container until all is painted. */
export function showLand(map: MapLibreMap) {
  const container = map.getContainer();
  let landed = false;
  const setBusy = (busy: boolean) => container.setAttribute('aria-busy', String(busy));
  map.on('dataloading', () => setBusy(true));
  map.on('movestart', () => setBusy(true));
  map.on('idle', () => setBusy(!landed));
  map.once('load', () => {
    void fetchLand()
      .then(land => map.getSource<GeoJSONSource>('land')?.setData(land))
      .finally(() => {
        landed = true;
        map.triggerRepaint();
      });
  });
}
