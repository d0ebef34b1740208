import { expect, test } from 'vitest';

import { areaKm2 } from './extent';

test('the area of rectangles', () => {
  // A degree at the equator: 111.32 km by 110.57 km.
  expect(areaKm2({ west: 0, south: 0, east: 1, north: 1 })).toBeCloseTo(12_364, 0);
  expect(areaKm2({ west: -180, south: -90, east: 180, north: 90 }) / 510_065_600).toBeCloseTo(1, 4);
});

test('the area is the same across the antimeridian', () => {
  expect(areaKm2({ west: 179, south: 10, east: -179, north: 11 })).toBeCloseTo(
    areaKm2({ west: 9, south: 10, east: 11, north: 11 }),
  );
});
