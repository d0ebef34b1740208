import { expect, test } from 'vitest';

import { tileFootprint } from './grid';

test('the footprint of a tile is that of the API', () => {
  const [ring] = tileFootprint({ z: 15, x: 11389, y: 16669 }).coordinates;
  const expected = [
    [-54.876708984375, -3.1405161039832405],
    [-54.86572265625, -3.1405161039832405],
    [-54.86572265625, -3.129546217800491],
    [-54.876708984375, -3.129546217800491],
    [-54.876708984375, -3.1405161039832405],
  ];
  ring!.flat().forEach((value, i) => expect(value).toBeCloseTo(expected.flat()[i]!, 9));
});

test('one tile is the world', () => {
  const [ring] = tileFootprint({ z: 0, x: 0, y: 0 }).coordinates;
  expect(ring![2]).toEqual([180, expect.closeTo(85.0511287798, 9)]);
});
