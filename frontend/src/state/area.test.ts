import { describe, expect, it } from 'vitest';

import { areaBounds, areaOfRing, areaRing, areaVariables, overlap, withinTurn } from './area';
import type { Bounds } from './address';

const bounds = (west: number, south: number, east: number, north: number): Bounds => ({
  west,
  south,
  east,
  north,
});

describe('areas', () => {
  it('are bounds or closed polygons for the API', () => {
    const rectangle = bounds(-55, -4, -54, -3);
    expect(areaVariables(rectangle)).toEqual({ bounds: rectangle });
    const triangle: [number, number][] = [[0, 0], [1, 0], [0, 1]]; // prettier-ignore
    expect(areaVariables(triangle)).toEqual({
      polygon: { type: 'Polygon', coordinates: [[[0, 0], [1, 0], [0, 1], [0, 0]]] }, // prettier-ignore
    });
  });

  it('run on past the antimeridian', () => {
    expect(areaRing(bounds(170, -1, -170, 1))).toEqual([[170, -1], [190, -1], [190, 1], [170, 1], [170, -1]]); // prettier-ignore
    expect(areaBounds(bounds(170, -1, -170, 1))).toEqual(bounds(170, -1, 190, 1));
  });

  it('lie within one turn of the world, or not', () => {
    expect(withinTurn(bounds(-55, -4, -54, -3))).toBe(true);
    expect(withinTurn(bounds(170, -1, -170, 1))).toBe(false);
    expect(withinTurn([[179, 0], [181, 0], [180, 1]])).toBe(false); // prettier-ignore
  });

  it('are rounded to a metre and brought back to this turn of the world when drawn', () => {
    const ring = [[305.1234567, -3], [306, -3], [306, -2], [305.1234567, -2], [305.1234567, -3]]; // prettier-ignore
    expect(areaOfRing(ring, 'rectangle')).toEqual(bounds(-54.87654, -3, -54, -2));
    expect(areaOfRing(ring, 'polygon')).toEqual([[-54.87654, -3], [-54, -3], [-54, -2], [-54.87654, -2]]); // prettier-ignore
  });

  it('overlap or not, also a turn apart and across the antimeridian', () => {
    const lake = bounds(-55, -4, -54, -3);
    expect(overlap(lake, bounds(-54.5, -3.5, -50, 0))).toBe(true);
    expect(overlap(lake, bounds(305.5, -3.5, 310, 0))).toBe(true);
    expect(overlap(lake, bounds(-54, -4, -53, -3))).toBe(false);
    expect(overlap(lake, bounds(-55, -3, -54, -2))).toBe(false);
    expect(overlap(bounds(170, -1, -170, 1), bounds(-175, 0, -174, 0.5))).toBe(true);
    expect(overlap(bounds(170, -1, -170, 1), bounds(0, 0, 1, 0.5))).toBe(false);
  });
});
