import { useCallback } from 'react';

import type { Model } from '../api/useModels';
import { useChosenLabel } from './useChosenLabel';

/** From which score on a label of a model counts: the slider's cutoff for the chosen one, else the threshold. */
export function useCutoffOf({ labels, thresholds }: Pick<Model, 'labels' | 'thresholds'>) {
  const { label: chosen, cutoff = 0 } = useChosenLabel() ?? {};
  return useCallback(
    (label: string) => (label === chosen ? cutoff : (thresholds[labels.indexOf(label)] ?? 0.5)),
    [labels, thresholds, chosen, cutoff],
  );
}
