import { expect, test } from 'vitest';

import { parsePlace, wrapLongitude } from './parsePlace';

test.each([
  ['-3.13, -54.87', -3.13, -54.87],
  ['-3.13,-54.87', -3.13, -54.87],
  ['-3.13 -54.87', -3.13, -54.87],
  ['(−3.13, −54.87)', -3.13, -54.87],
  ['-3,13; -54,87', -3.13, -54.87],
  ['-3,13 -54,87', -3.13, -54.87],
  ['-3,13, -54,87', -3.13, -54.87],
  ['3,54', 3, 54],
  ['3.13 S, 54.87 W', -3.13, -54.87],
  ['3.13°S 54.87°W', -3.13, -54.87],
  ['S 3.13 O 54.87', -3.13, -54.87],
  ['54.87 W, 3.13 S', -3.13, -54.87],
  ['10, 190', 10, -170],
])('%s is a place', (text, lat, lon) => {
  const place = parsePlace(text)!;
  expect(place.lat).toBeCloseTo(lat, 9);
  expect(place.lon).toBeCloseTo(lon, 9);
});

test.each(['', 'lake', '1', '91, 0', '0, 541', '1 N, 2 N', '1 E, 2 W', '1,2,3', 'N 1 N, 2'])(
  '%j is none',
  text => {
    expect(parsePlace(text)).toBeUndefined();
  },
);

test.each([
  [0, 0],
  [180, 180],
  [190, -170],
  [-190, 170],
  [540, -180],
])('longitude %d is %d', (lon, wrapped) => {
  expect(wrapLongitude(lon)).toBe(wrapped);
});
