import type { LabelStyle } from './labels';
import { boundariesOf, stepOf, VIRIDIS } from './scale';

/** Properties of a feature of label tiles, as decoders give them (docs/map.md). */
export type LabelProperties = Record<string, string | number | boolean>;

/**
 * The colour of a tile or cell, for maps that are not MapLibre; nothing if it lacks the label.
 *
 * It decides as `labelFilter` and `labelColor` do.
 */
export function labelPaint(properties: LabelProperties, style: LabelStyle): string | undefined {
  const { label, cutoff, thresholds } = style;
  const number = (name: string) => Number(properties[name] ?? 0);
  if (number('classified') === 0) return undefined;
  if (number('tiles') > 1) {
    const share = number(`share:${label}`);
    return share > 0 ? viridis(share / 100) : undefined;
  }
  const boundaries = boundariesOf(thresholds);
  const step = number(label);
  return step >= stepOf(boundaries, cutoff) ? viridis(step / boundaries.length) : undefined;
}

/** A colour of viridis, at 0 to 1. */
export function viridis(fraction: number): string {
  const place = Math.min(Math.max(fraction, 0), 1) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const [from, to] = [channels(VIRIDIS[below]!), channels(VIRIDIS[below + 1]!)];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i]! - value) * (place - below))).join(', ')})`;
}

function channels(color: string): number[] {
  return [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16));
}
