import { expect, test } from 'vitest';

import { boundsAround, countNeighbours, type GridTile } from './neighbours';

const encode = (...numbers: number[]) =>
  btoa(numbers.map(n => String.fromCharCode(n & 255, n >> 8)).join(''));
const TILE: GridTile = { z: 3, x: 0, y: 3, bounds: { west: -180, south: 0, east: -135, north: 40 } };

test('reaches half a tile into the neighbours, not beyond the pole', () => {
  expect(boundsAround(TILE)).toEqual({ west: -202.5, south: -20, east: -112.5, north: 60 });
  const north = { ...TILE, bounds: { ...TILE.bounds, south: 80, north: 85 } };
  expect(boundsAround(north).north).toBe(87.5);
  expect(boundsAround({ ...TILE, bounds: { ...TILE.bounds, south: 60, north: 85 } }).north).toBe(90);
});

test('counts neighbours with a label, over the antimeridian, and neither the tile nor tiles farther off', () => {
  const columns = {
    labels: ['water', 'road'],
    x: [0, 7, 1, 1, 2],
    y: [3, 3, 4, 2, 3],
    scores: encode(65534, 65534, 65534, 0, 40000, 30000, 65535, 65535, 65534, 65534),
  };
  const { tiles, classified, withLabel } = countNeighbours(TILE, columns, () => 0.5);
  expect({ tiles, classified }).toEqual({ tiles: 3, classified: 2 });
  expect([...withLabel]).toEqual([
    ['water', 2],
    ['road', 0],
  ]);
});
