import { expect, it } from 'vitest';

import { changeFeatures, placeOf } from './changes';

it('outlines each place with its kind', () => {
  const bounds = { west: 0, south: 0, east: 1, north: 1 };
  expect(changeFeatures([{ kind: 'APPEARED', bounds }])).toEqual({
    type: 'FeatureCollection',
    features: [
      {
        type: 'Feature',
        properties: { kind: 'APPEARED' },
        geometry: { type: 'Polygon', coordinates: [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]] }, // prettier-ignore
      },
    ],
  });
});

it('takes the finer tile for the place', () => {
  const [coarse, fine] = [{ z: 14 }, { z: 15 }];
  expect(placeOf(coarse, fine)).toBe(fine);
  expect(placeOf(fine, coarse)).toBe(fine);
});
