import { describe, expect, it } from 'vitest';

import { FIRST_PAGE, nextSort, sortState, tileVariables, tileWhere } from './tilePages';

const chosen = { label: 'road', cutoff: 0.3 };
const bounds = { west: -55, south: -4, east: -54, north: -3 };

describe('the tiles of an area', () => {
  it('are asked for by bounds, with the score of the label whatever it is', () => {
    const asked = { area: { bounds }, chosen, sort: '-score' as const, only: false, model: 'a 1' };
    expect(tileVariables(asked, FIRST_PAGE)).toEqual({
      bounds,
      where: { classified: true },
      orderBy: { label: 'road', direction: 'DESC' },
      model: 'a 1',
      cutoffs: [{ label: 'road', cutoff: 0 }],
      first: 10,
    });
  });

  it('are asked for by polygon, moment and label, page by page', () => {
    const polygon = { type: 'Polygon' as const, coordinates: [[[0, 0], [1, 0], [0, 1], [0, 0]]] }; // prettier-ignore
    const at = '2017-01-01T00:00:00Z';
    const asked = { area: { polygon }, chosen, sort: 'acquired' as const, only: true, model: 'a 1', at };
    const variables = tileVariables(asked, { before: 'cursor', start: 10 });
    expect(variables.where).toEqual({
      classified: true,
      labels: { all: [{ label: 'road', minScore: 0.3 }] },
      within: polygon,
    });
    expect(variables).toMatchObject({ orderBy: { by: 'ACQUIRED', direction: 'ASC' }, at });
    expect(variables).toMatchObject({ last: 10, before: 'cursor' });
    expect(variables).not.toHaveProperty('first');
    expect(variables).not.toHaveProperty('bounds');
  });

  it('go into a file by the same conditions', () => {
    expect(tileWhere(chosen, true)).toEqual({
      classified: true,
      labels: { all: [{ label: 'road', minScore: 0.3 }] },
    });
  });
});

describe('a heading of the table', () => {
  it('sorts by its largest first, then turns round', () => {
    expect(nextSort('-score', 'acquired')).toBe('-acquired');
    expect(nextSort('-acquired', 'acquired')).toBe('acquired');
    expect(nextSort('acquired', 'acquired')).toBe('-acquired');
  });

  it('says how the table is sorted', () => {
    expect(sortState('-score', 'score')).toBe('descending');
    expect(sortState('score', 'score')).toBe('ascending');
    expect(sortState('score', 'acquired')).toBe('none');
  });
});
