/**
 * How scores become colours, and how label tiles write scores.
 *
 * A tile has a small whole number for a score: how many boundaries it reaches. Boundaries are all
 * hundredths from 0.01 to 1 and the thresholds of the model, so a cutoff that is one of them decides
 * as the API does.
 */

/** Viridis (Smith and van der Walt, 2015; CC0), at equal steps: even in lightness, safe for the colour-blind. */
export const VIRIDIS = [
  '#440154', '#482878', '#3e4989', '#31688e', '#26828e',
  '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725',
] as const; // prettier-ignore

/** The boundaries of a model with these thresholds, ascending. */
export function boundariesOf(thresholds: readonly number[]): number[] {
  const hundredths = Array.from({ length: 100 }, (_, i) => (i + 1) / 100);
  return [...new Set([...hundredths, ...thresholds.filter(value => value > 0)])].sort((a, b) => a - b);
}

/** How many boundaries a score or a cutoff reaches: what label tiles hold for it. */
export function stepOf(boundaries: readonly number[], value: number): number {
  return boundaries.filter(boundary => boundary <= value).length;
}

/** The boundary next to a value: cutoffs in between would not decide as the API does. */
export function nearestBoundary(boundaries: readonly number[], value: number): number {
  return [0, ...boundaries].reduce((best, boundary) =>
    Math.abs(boundary - value) < Math.abs(best - value) ? boundary : best,
  );
}

/** CSS of the scale from left (0) to right (1). */
export const GRADIENT = `linear-gradient(to right, ${VIRIDIS.join(', ')})`;
