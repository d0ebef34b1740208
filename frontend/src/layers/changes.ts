/** Places where a label appeared or vanished, as features and layers of a map. */

import type { Feature, FeatureCollection } from 'geojson';

import type { Bounds } from '../state/address';
import { areaRing } from '../state/area';
import { CASING, type FeatureLayer } from './outlines';

export type ChangeKind = 'APPEARED' | 'VANISHED';

/** A place that changed. */
export interface ChangedPlace {
  kind: ChangeKind;
  bounds: Bounds;
}

/** Of two tiles at a place, the finer one is the size of what changed. */
export function placeOf<Tile extends { z: number }>(before: Tile, after: Tile): Tile {
  return before.z > after.z ? before : after;
}

/** The outline of each place, with its `kind`. */
export function changeFeatures(places: readonly ChangedPlace[]): FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: places.map(({ kind, bounds }): Feature => ({
      type: 'Feature',
      properties: { kind },
      geometry: { type: 'Polygon', coordinates: [areaRing(bounds)] },
    })),
  };
}

// Orange and blue are told apart with any colour vision; dashes and signs tell the kinds without colour.
export const CHANGE_COLORS: Record<ChangeKind, string> = { APPEARED: '#ff8a1f', VANISHED: '#5cb8ff' };
export const CHANGE_SIGNS: Record<ChangeKind, string> = { APPEARED: '+', VANISHED: '−' };

/** The layers of `changeFeatures`; their icons are those of `changeIcon`, named by kind. */
export const CHANGE_LAYERS: readonly FeatureLayer[] = [
  {
    id: 'changes-casing',
    type: 'line',
    paint: { 'line-color': CASING, 'line-width': 6, 'line-opacity': 0.85 },
  },
  {
    id: 'changes-appeared',
    type: 'line',
    filter: ['==', ['get', 'kind'], 'APPEARED'],
    paint: { 'line-color': CHANGE_COLORS.APPEARED, 'line-width': 3 },
  },
  {
    id: 'changes-vanished',
    type: 'line',
    filter: ['==', ['get', 'kind'], 'VANISHED'],
    paint: { 'line-color': CHANGE_COLORS.VANISHED, 'line-width': 3, 'line-dasharray': [2, 1.5] },
  },
  {
    id: 'changes-sign',
    type: 'symbol',
    layout: { 'icon-image': ['get', 'kind'], 'icon-padding': 0 },
  },
];

/** A round badge with the sign of a kind, for `map.addImage` with a pixelRatio of 2. */
export function changeIcon(kind: ChangeKind, size = 44): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const context = canvas.getContext('2d')!;
  context.beginPath();
  context.arc(size / 2, size / 2, size / 2 - 3, 0, 2 * Math.PI);
  context.fillStyle = CHANGE_COLORS[kind];
  context.fill();
  context.lineWidth = 4;
  context.strokeStyle = CASING;
  context.stroke();
  context.beginPath();
  const [start, middle, end] = [0.3 * size, 0.5 * size, 0.7 * size];
  context.moveTo(start, middle);
  context.lineTo(end, middle);
  if (kind === 'APPEARED') {
    context.moveTo(middle, start);
    context.lineTo(middle, end);
  }
  context.lineWidth = 5;
  context.stroke();
  return context.getImageData(0, 0, size, size);
}
