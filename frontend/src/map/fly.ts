import type { Map as MapLibreMap } from 'maplibre-gl';

import type { Bounds } from '../state/address';
import { areaBounds } from '../state/area';

/** Marks the events of a flight to an item of a list, during which the list stays as it is. */
export const FROM_LIST = { fromList: true };

/** Whether an event of the map is part of a flight to an item of a list. */
export const isFromList = (event: object) => 'fromList' in event;

/** Fly to bounds, no closer than a zoom; at once for readers who prefer no motion. */
export function flyTo(map: MapLibreMap, bounds: Bounds, maxZoom = 22, event?: typeof FROM_LIST) {
  const { west, south, east, north } = areaBounds(bounds);
  map.fitBounds([west, south, east, north], { padding: 48, maxZoom }, event);
}
