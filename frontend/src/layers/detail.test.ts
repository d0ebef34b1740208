import { expect, test } from 'vitest';

import { detailOf } from './detail';

const features = (...tiles: number[]) => tiles.map(count => ({ properties: { tiles: count } }));

test.each([
  [[], 'none'],
  [[1, 1], 'tiles'],
  [[2, 40], 'cells'],
  [[40, 1], 'both'],
])('squares of %j tiles are %s', (tiles, detail) => {
  expect(detailOf(features(...tiles))).toBe(detail);
});
