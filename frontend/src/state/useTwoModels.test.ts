// @vitest-environment jsdom
import { expect, test } from 'vitest';

import type { Model } from '../api/useModels';
import { pairOf } from './useTwoModels';

const model = (version: string): Model => ({ name: 'net', version, labels: ['water'], thresholds: [0.5] });
const [one, two, three] = ['1', '2', '3'].map(model) as [Model, Model, Model];

test('compares the painted model with the one that is wanted', () => {
  expect(pairOf([one, two, three], three, 'net 1')).toEqual({ a: one, b: three });
});

test('takes the newest other where none is wanted, or the painted one is', () => {
  expect(pairOf([one, two, three], three, undefined)).toEqual({ a: two, b: three });
  expect(pairOf([one, two, three], two, 'net 2')).toEqual({ a: three, b: two });
});

test('one model alone is not compared', () => {
  expect(pairOf([one], one, 'net 1')).toBeUndefined();
});
