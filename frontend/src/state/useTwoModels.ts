import { useMemo } from 'react';

import { modelTitle, useModels, type Model } from '../api/useModels';
import { useAddress } from './useAddress';

/** Two models that are compared. */
export interface TwoModels {
  /** The other one. */
  a: Model;
  /** The one whose labels are painted. */
  b: Model;
}

/** The models that are compared: the painted one and that of the address, or else the newest other. */
export function useTwoModels(): TwoModels | undefined {
  const { models, model } = useModels();
  const [{ other }] = useAddress();
  return useMemo(() => model && pairOf(models, model, other), [models, model, other]);
}

/** A model and another of a list: of the title that is wanted, else the last; undefined if it is alone. */
export function pairOf(
  models: readonly Model[],
  b: Model,
  wanted: string | undefined,
): TwoModels | undefined {
  const others = models.filter(model => modelTitle(model) !== modelTitle(b));
  const a = others.find(model => modelTitle(model) === wanted) ?? others.at(-1);
  return a && { a, b };
}
