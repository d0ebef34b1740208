import { useMemo } from 'react';

import { useModels, type Model } from '../api/useModels';
import { boundariesOf, nearestBoundary } from '../layers/scale';
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
  const [address] = useAddress();
  return useMemo(() => {
    const label = model?.labels.find(name => name === address.label) ?? model?.labels[0];
    if (!model || label === undefined) return undefined;
    const threshold = model.thresholds[model.labels.indexOf(label)] ?? 0.5;
    const cutoff =
      address.cutoff === undefined
        ? threshold
        : nearestBoundary(boundariesOf(model.thresholds), address.cutoff);
    return { model, label, cutoff, threshold };
  }, [model, address.label, address.cutoff]);
}
