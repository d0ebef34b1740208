import {
  createExpression,
  featureFilter,
  type StylePropertySpecification,
} from '@maplibre/maplibre-gl-style-spec';
import { expect, test } from 'vitest';

import { labelPaint, viridis, type LabelProperties } from './labelPaint';
import { labelColor, labelFilter } from './labels';

const STYLE = { label: 'water', cutoff: 0.3, thresholds: [0.5] };
const FEATURES: LabelProperties[] = [
  { tiles: 1, classified: 0 },
  { tiles: 1, classified: 1, water: 29 },
  { tiles: 1, classified: 1, water: 30 },
  { tiles: 1, classified: 1, water: 100 },
  { tiles: 4, classified: 2, water: 3, 'share:water': 0 },
  { tiles: 4, classified: 4, water: 3, 'share:water': 25 },
];

test('ends and middle of the scale', () => {
  expect([0, 1, 2].map(viridis)).toEqual(['rgb(68, 1, 84)', 'rgb(253, 231, 37)', 'rgb(253, 231, 37)']);
});

test('decides and colours as MapLibre does', () => {
  const filter = featureFilter(labelFilter(STYLE), 'filter');
  const color = createExpression(labelColor(STYLE), 'paint.fill-color', {
    type: 'color',
  } as StylePropertySpecification);
  if (color.result !== 'success') throw new Error('the expression is invalid');
  for (const properties of FEATURES) {
    const feature = { type: 3 as const, properties };
    const shown = filter.filter({ zoom: 10 }, feature);
    const { r, g, b } = color.value.evaluate({ zoom: 10 }, feature) as Record<'r' | 'g' | 'b', number>;
    const wanted = `rgb(${[r, g, b].map(value => Math.round(255 * value)).join(', ')})`;
    expect(labelPaint(properties, STYLE)).toBe(shown ? wanted : undefined);
  }
});
