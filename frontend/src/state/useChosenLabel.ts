import { useMemo } from 'react';

import { useModels, type Model } from '../api/useModels';
import { boundariesOf, nearestBoundary } from '../layers/scale';
import { shownLabel } from './shownLabel';
import { useAddress } from './useAddress';

/** The label that is painted. */
export interface ChosenLabel {
  model: Model;
  label: string;
  /** The score from which it counts: that of the address, or the model's threshold. */
  cutoff: number;
  /** The model's own threshold of the label. */
  threshold: number;
}

/** The label, cutoff and model of the address, or what they are without one. */
export function useChosenLabel(): ChosenLabel | undefined {
  const { model } = useModels();
  const [{ label, cutoff }] = useAddress();
  return useMemo(
    () => chooseLabel(model, shownLabel(model?.labels ?? [], label), cutoff),
    [model, label, cutoff],
  );
}

/** A label of a model with a cutoff, or the model's threshold without one; nothing if it has no such label. */
export function chooseLabel(
  model: Model | undefined,
  label: string | undefined,
  wanted: number | undefined,
): ChosenLabel | undefined {
  if (!model || label === undefined || !model.labels.includes(label)) return undefined;
  const threshold = model.thresholds[model.labels.indexOf(label)] ?? 0.5;
  const cutoff = wanted === undefined ? threshold : nearestBoundary(boundariesOf(model.thresholds), wanted);
  return { model, label, cutoff, threshold };
}
