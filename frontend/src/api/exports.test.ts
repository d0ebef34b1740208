// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { exportAddress, exportBody } from './exports';

const request = {
  area: { west: -55, south: -4, east: -54, north: -3 },
  where: { labels: { all: [{ label: 'road', minScore: 0.5 }] } },
  at: '2017-08-11T14:00:00Z',
  model: 'amazon-resnet50 2.0.0',
  cutoffs: { road: 0.5 },
};

describe('exports', () => {
  it('are named by an address', () => {
    const url = new URL(exportAddress('csv', request)!);
    expect(url.pathname).toBe('/export/tiles.csv');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      bounds: '-55,-4,-54,-3',
      where: '{"labels":{"all":[{"label":"road","minScore":0.5}]}}',
      at: '2017-08-11T14:00:00Z',
      model: 'amazon-resnet50 2.0.0',
      cutoffs: '{"road":0.5}',
    });
  });

  it('have no address if their polygon is long, and a body instead', () => {
    const corners = Array.from({ length: 100 }, (_, i): [number, number] => [i / 100, (i * i) / 1e5]);
    const long = { area: corners, model: 'a 1', cutoffs: {} };
    expect(exportAddress('geojson', long)).toBeUndefined();
    expect(exportBody(long)).toEqual({
      polygon: { type: 'Polygon', coordinates: [[...corners, corners[0]]] },
      model: 'a 1',
      cutoffs: {},
    });
  });
});
