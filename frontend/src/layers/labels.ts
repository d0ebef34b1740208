import type {
  AddLayerObject,
  ExpressionSpecification,
  FilterSpecification,
  Map as MapLibreMap,
  VectorSourceSpecification,
} from 'maplibre-gl';

import { boundariesOf, stepOf, VIRIDIS } from './scale';

/** Name of the layer in label tiles. */
export const SOURCE_LAYER = 'labels';

/** What is shown of label tiles. */
export interface LabelStyle {
  label: string;
  /** The score from which a label counts, 0 to 1. */
  cutoff: number;
  /** All thresholds of the model, in the order of its labels. */
  thresholds: readonly number[];
  /** 0 to 1; by default OPACITY. */
  opacity?: number;
}

/** The source of label tiles; `url` is the address of `/labels.json` with its filters. */
export function labelSource(url: string): VectorSourceSpecification {
  return { type: 'vector', url };
}

/** Tiles that the model has not classified, and cells with some. */
export const UNCLASSIFIED: FilterSpecification = ['<', ['get', 'classified'], ['get', 'tiles']];

/** The share of a feature's tiles that have not been classified: 1 for such a tile. */
export const UNCLASSIFIED_SHARE: ExpressionSpecification = [
  '-', 1, ['/', ['get', 'classified'], ['get', 'tiles']],
]; // prettier-ignore

/** How opaque labels are painted unless told otherwise. */
export const OPACITY = 0.75;

/**
 * Tiles and cells that have the label.
 *
 * A tile has it from the cutoff on. A cell, which stands for many tiles at low zooms, is shown if any
 * of them has it by the model's threshold.
 */
export function labelFilter({ label, cutoff, thresholds }: LabelStyle): FilterSpecification {
  const step = stepOf(boundariesOf(thresholds), cutoff);
  return [
    'all',
    ['>', ['get', 'classified'], 0],
    ['case', isCell(), ['>', share(label), 0], ['>=', ['coalesce', ['get', label], -1], step]],
  ];
}

/** Colour by score of a tile, or by the share of a cell's tiles that have the label. */
export function labelColor({ label, thresholds }: LabelStyle): ExpressionSpecification {
  const steps = boundariesOf(thresholds).length;
  const fraction: ExpressionSpecification = [
    'case',
    isCell(),
    ['/', share(label), 100],
    ['/', ['coalesce', ['get', label], 0], steps],
  ];
  const stops = VIRIDIS.flatMap((color, i) => [i / (VIRIDIS.length - 1), color]);
  return ['interpolate', ['linear'], fraction, ...stops] as ExpressionSpecification;
}

/** The layer of a label, for `map.addLayer`. */
export function labelLayer(id: string, source: string, style: LabelStyle): AddLayerObject {
  return {
    id,
    source,
    type: 'fill',
    'source-layer': SOURCE_LAYER,
    filter: labelFilter(style),
    paint: {
      'fill-color': labelColor(style),
      'fill-opacity': style.opacity ?? OPACITY,
      'fill-antialias': false,
    },
  };
}

/** Show another label, cutoff or opacity on a layer that `labelLayer` made; asks for no tile. */
export function restyleLabels(map: MapLibreMap, id: string, style: LabelStyle) {
  map.setFilter(id, labelFilter(style));
  map.setPaintProperty(id, 'fill-color', labelColor(style));
  map.setPaintProperty(id, 'fill-opacity', style.opacity ?? OPACITY);
}

function isCell(): ExpressionSpecification {
  return ['>', ['get', 'tiles'], 1];
}

function share(label: string): ExpressionSpecification {
  return ['coalesce', ['get', `share:${label}`], 0];
}
