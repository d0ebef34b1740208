/**
 * The column `scores` of a `viewport`: base64 of little-endian 16-bit numbers, a row of labels for each tile.
 *
 * A number n is the score n / 65534; 65535 is none, all along the row of a tile that is not classified.
 */
const NONE = 65535;
const ONE = 65534;

export interface ScoreMatrix {
  /** Whether a tile has been classified. */
  classified: (tile: number) => boolean;
  /** Whether a label of a tile reaches a cutoff. */
  reaches: (tile: number, label: number, cutoff: number) => boolean;
}

/** Read the scores of tiles that have so many labels. */
export function readScores(base64: string, labels: number): ScoreMatrix {
  const text = atob(base64);
  const at = (index: number) => text.charCodeAt(2 * index) + 256 * text.charCodeAt(2 * index + 1);
  const classified = (tile: number) => at(tile * labels) !== NONE;
  return {
    classified,
    reaches: (tile, label, cutoff) =>
      classified(tile) && at(tile * labels + label) >= Math.round(cutoff * ONE),
  };
}
