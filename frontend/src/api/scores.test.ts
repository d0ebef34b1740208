import { expect, test } from 'vitest';

import { rankScores } from './scores';

test('labels count from their own cutoff on, highest score first', () => {
  const scores = [
    { label: 'road', score: 0.3 },
    { label: 'water', score: 0.5 },
    { label: 'clear', score: 0.9 },
  ];
  const cutoffs: Record<string, number> = { road: 0.1, water: 0.5, clear: 0.95 };
  const { counting, others } = rankScores(scores, label => cutoffs[label]!);
  expect(counting.map(({ label }) => label)).toEqual(['water', 'road']);
  expect(counting.map(({ margin }) => margin.toFixed(2))).toEqual(['0.00', '0.20']);
  expect(others).toEqual([
    { label: 'clear', score: 0.9, cutoff: 0.95, margin: expect.closeTo(-0.05) as number },
  ]);
});
