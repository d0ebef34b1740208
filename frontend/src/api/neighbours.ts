import type { Bounds } from '../state/address';
import type { StoredScoresQuery } from './generated/graphql';
import { readScores } from './scoreMatrix';

/** Place and bounds of a tile in the grid. */
export interface GridTile {
  z: number;
  x: number;
  y: number;
  bounds: Bounds;
}

/** How many of the eight neighbours of a tile there are, are classified, and have each label. */
export interface Neighbours {
  tiles: number;
  classified: number;
  withLabel: ReadonlyMap<string, number>;
}

/** Bounds that reach into each of the eight neighbours of a tile, and no farther. */
export function boundsAround({ bounds: { west, south, east, north } }: GridTile): Bounds {
  const [width, height] = [(east - west) / 2, (north - south) / 2];
  return {
    west: west - width,
    south: Math.max(south - height, -90),
    east: east + width,
    north: Math.min(north + height, 90),
  };
}

/** Count the neighbours of a tile among tiles of its zoom; a label counts from its cutoff on. */
export function countNeighbours(
  tile: GridTile,
  columns: NonNullable<StoredScoresQuery['viewport']>,
  cutoffOf: (label: string) => number,
): Neighbours {
  const scores = readScores(columns.scores, columns.labels.length);
  const rows = columns.x
    .map((_, row) => row)
    .filter(row => isNeighbour(tile, columns.x[row]!, columns.y[row]!));
  const classified = rows.filter(scores.classified);
  return {
    tiles: rows.length,
    classified: classified.length,
    withLabel: new Map(
      columns.labels.map((label, column) => [
        label,
        classified.filter(row => scores.reaches(row, column, cutoffOf(label))).length,
      ]),
    ),
  };
}

function isNeighbour({ z, x, y }: GridTile, otherX: number, otherY: number): boolean {
  const columns = 2 ** z;
  const across = Math.abs(otherX - x);
  // The last column is beside the first.
  const [dx, dy] = [Math.min(across, columns - across), Math.abs(otherY - y)];
  return dx <= 1 && dy <= 1 && dx + dy > 0;
}
