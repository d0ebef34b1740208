import type { Feature, FeatureCollection, Geometry } from 'geojson';
import type { AddLayerObject } from 'maplibre-gl';

/** A layer without the name of its source. */
export type FeatureLayer = AddLayerObject extends infer Layer
  ? Layer extends { source?: unknown }
    ? Omit<Layer, 'source'>
    : never
  : never;

/** A dark casing: a light line in it is seen on bright and dark ground alike. */
export const CASING = '#10171c';

/** Outlines, seen on bright and dark ground alike; `id` begins the names of their layers. */
function outline(id: string): FeatureLayer[] {
  return [
    {
      id: `${id}-casing`,
      type: 'line',
      paint: { 'line-color': CASING, 'line-width': 5, 'line-opacity': 0.8 },
    },
    {
      id: `${id}-line`,
      type: 'line',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#ffffff', 'line-width': 2 },
    },
  ];
}

/** The outline of an area that was drawn. */
export const AREA_LAYERS: readonly FeatureLayer[] = outline('area');

/** The outline of a tile that is told of. */
export const TILE_LAYERS: readonly FeatureLayer[] = outline('tile');

/** The place that was clicked, and the outline of its tile. */
export const PLACE_LAYERS: readonly FeatureLayer[] = [
  ...outline('place'),
  {
    id: 'place-point',
    type: 'circle',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': 6,
      'circle-color': CASING,
      'circle-stroke-color': '#ffffff',
      'circle-stroke-width': 2.5,
    },
  },
];

/** Geometries as features. */
export function featuresOf(geometries: readonly Geometry[]): FeatureCollection {
  const features = geometries.map((geometry): Feature => ({ type: 'Feature', properties: {}, geometry }));
  return { type: 'FeatureCollection', features };
}
