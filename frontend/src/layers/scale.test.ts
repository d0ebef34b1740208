import { describe, expect, it } from 'vitest';

import { boundariesOf, nearestBoundary, stepOf } from './scale';

describe('boundaries of label tiles', () => {
  it('are all hundredths and the thresholds', () => {
    const boundaries = boundariesOf([0.2, 0.1437, 0]);
    expect(boundaries).toHaveLength(101);
    expect(boundaries[0]).toBe(0.01);
    expect(boundaries[13]).toBe(0.14);
    expect(boundaries[14]).toBe(0.1437);
    expect(boundaries.at(-1)).toBe(1);
  });

  it('decide as cutoffs do: a score reaches a boundary exactly if its step does', () => {
    const boundaries = boundariesOf([0.1437, 0.7]);
    for (const cutoff of boundaries) {
      for (const score of [0, 0.1, 0.1436, 0.1437, 0.29, 0.3, 0.57, 0.7, 0.999, 1]) {
        expect(stepOf(boundaries, score) >= stepOf(boundaries, cutoff)).toBe(score >= cutoff);
      }
    }
  });

  it('take the nearest of a cutoff in between', () => {
    expect(nearestBoundary(boundariesOf([0.1437]), 0.1433)).toBe(0.1437);
    expect(nearestBoundary(boundariesOf([]), 0.004)).toBe(0);
  });
});
