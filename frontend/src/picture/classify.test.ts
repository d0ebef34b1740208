// @vitest-environment jsdom
import { expect, test } from 'vitest';

import { classifyPicture, MAX_BYTES, shownScores } from './classify';

const SCORES = [
  { label: 'primary', score: 0.9 },
  { label: 'water', score: 0.3 },
];
const THRESHOLDS = new Map([
  ['primary', 0.95],
  ['water', 0.3],
]);

test('labels count from the threshold of each on, or from one cutoff', () => {
  const counting = (cutoff?: number) =>
    shownScores(SCORES, THRESHOLDS, cutoff)
      .filter(({ counts }) => counts)
      .map(({ label }) => label);
  expect(counting()).toEqual(['water']);
  expect(counting(0.5)).toEqual(['primary']);
  expect(counting(0)).toEqual(['primary', 'water']);
});

test('a file that is too large is refused before it is sent', async () => {
  const file = new File([new Uint8Array(MAX_BYTES + 1)], 'large.png');
  const answer = await classifyPicture(file, new AbortController().signal);
  expect(answer).toEqual({ code: 'REQUEST_TOO_LARGE', message: '' });
});
