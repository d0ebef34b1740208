import { expect, it } from 'vitest';

import { shownLabel } from './shownLabel';

it('shows the label of the address, else water, else the first of the model', () => {
  expect(shownLabel(['clear', 'water', 'road'], 'road')).toBe('road');
  expect(shownLabel(['clear', 'water', 'road'], 'lava')).toBe('water');
  expect(shownLabel(['clear', 'water', 'road'], undefined)).toBe('water');
  expect(shownLabel(['lake', 'road'], undefined)).toBe('lake');
  expect(shownLabel([], 'road')).toBeUndefined();
});
