import { expect, test } from 'vitest';

import { readScores } from './scoreMatrix';

const encode = (...numbers: number[]) =>
  btoa(numbers.map(n => String.fromCharCode(n & 255, n >> 8)).join(''));

test('reads which labels of which tiles reach a cutoff', () => {
  const scores = readScores(encode(65534, 0, 9175, 32767), 2);
  expect(scores.reaches(0, 0, 1)).toBe(true);
  expect(scores.reaches(0, 1, 0.01)).toBe(false);
  expect(scores.reaches(0, 1, 0)).toBe(true);
  expect(scores.reaches(1, 0, 0.14)).toBe(true);
  expect(scores.reaches(1, 0, 0.1401)).toBe(false);
  expect(scores.reaches(1, 1, 0.5)).toBe(true);
});

test('a tile that is not classified reaches nothing', () => {
  const scores = readScores(encode(65535, 65535, 0, 0), 2);
  expect([0, 1].map(scores.classified)).toEqual([false, true]);
  expect(scores.reaches(0, 0, 0)).toBe(false);
});
