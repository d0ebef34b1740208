import { expect, test } from 'vitest';

import { metresPerPixel, scaleLength } from './scaleBar';

test('a pixel shows less ground at higher zooms and latitudes', () => {
  expect(metresPerPixel(0, 0)).toBeCloseTo(78_271.5, 0);
  expect(metresPerPixel(60, 1)).toBeCloseTo(78_271.5 / 4, 0);
});

test('lengths are round', () => {
  expect([0.6, 1, 1.9, 4.9, 73, 990, 51_000].map(scaleLength)).toEqual([0.5, 1, 1, 2, 50, 500, 50_000]);
});
