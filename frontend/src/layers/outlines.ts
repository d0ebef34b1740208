import type { AddLayerObject } from 'maplibre-gl';

/** A layer without the name of its source. */
export type FeatureLayer = AddLayerObject extends infer Layer
  ? Layer extends { source?: unknown }
    ? Omit<Layer, 'source'>
    : never
  : never;

/** A dark casing: a light line in it is seen on bright and dark ground alike. */
export const CASING = '#10171c';

/** The outline of an area that was drawn. */
export const AREA_LAYERS: readonly FeatureLayer[] = [
  { id: 'area-casing', type: 'line', paint: { 'line-color': CASING, 'line-width': 5, 'line-opacity': 0.8 } },
  { id: 'area-line', type: 'line', paint: { 'line-color': '#ffffff', 'line-width': 2 } },
];
