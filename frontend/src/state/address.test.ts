import { describe, expect, it } from 'vitest';

import { formatAddress, parseAddress, type Address } from './address';

const FULL: Address = {
  view: { zoom: 12.5, lat: -3.13, lon: -54.87 },
  panel: 'time',
  label: 'slash_burn',
  cutoff: 0.14,
  opacity: 0.5,
  at: '2017-08-11T14:00:00Z',
  before: '2016-08-04T14:00:00Z',
  model: 'amazon-resnet50 2.0.0',
  other: 'older 1',
  tile: { z: 15, x: 11389, y: 16669 },
  swipe: true,
  point: { lat: -3.1, lon: -54.8 },
  area: { west: 179, south: -1, east: -179, north: 1 },
};

describe('the page’s address', () => {
  it('brings back all that it holds', () => {
    expect(parseAddress(formatAddress(FULL))).toEqual(FULL);
    const polygon: Address = { panel: 'area', area: [[0, 0], [1, 0], [1, 2.5]] }; // prettier-ignore
    expect(parseAddress(formatAddress(polygon))).toEqual(polygon);
  });

  it('is short and readable', () => {
    expect(formatAddress({ panel: 'labels' })).toBe('');
    expect(formatAddress({ panel: 'labels', view: { zoom: 3, lat: 1, lon: 2 }, label: 'water' })).toBe(
      'map=3/1/2&label=water',
    );
  });

  it.each([
    ['map=3/91/0', {}],
    ['map=3/0', {}],
    ['map=25/0/0', {}],
    ['cutoff=1.5', {}],
    ['cutoff=', {}],
    ['cutoff=0', { cutoff: 0 }],
    ['opacity=2', {}],
    ['opacity=0', { opacity: 0 }],
    ['tile=3/8/0', {}],
    ['tile=3/1', {}],
    ['tile=3/1/1.5', {}],
    ['tile=3/7/0', { tile: { z: 3, x: 7, y: 0 } }],
    ['swipe=dates', {}],
    ['at=yesterday', {}],
    ['panel=secret', {}],
    ['point=0,x', {}],
    ['area=1,2,3', {}],
    ['area=0,2,1,1', {}],
    ['area=0,0,0,95,1,1', {}],
    ['label=', {}],
  ])('leaves out what is invalid: %s', (query, expected) => {
    expect(parseAddress(query)).toEqual({ panel: 'labels', ...expected });
  });
});
