import { expect, it } from 'vitest';

import { sharePressed } from './swipeKeys';

it('moves the divider by keys, within the map', () => {
  expect(sharePressed('ArrowRight', 0.5)).toBeCloseTo(0.52);
  expect(sharePressed('PageDown', 0.5)).toBeCloseTo(0.4);
  expect(sharePressed('ArrowLeft', 0.01)).toBe(0);
  expect(sharePressed('End', 0.3)).toBe(1);
  expect(sharePressed('Home', 0.3)).toBe(0);
  expect(sharePressed('a', 0.3)).toBeUndefined();
});
