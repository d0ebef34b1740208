import { useId } from 'react';

import { boundariesOf, nearestBoundary, stepOf } from '../layers/scale';
import { changeAddress } from '../state/useAddress';
import type { ChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** A slider for the cutoff, with the model's threshold marked on it. */
export function CutoffSlider({ chosen }: { chosen: ChosenLabel }) {
  const { texts, format } = useWording();
  const marks = useId();
  const slider = useId();
  const { cutoff, threshold, model } = chosen;
  const boundaries = [0, ...boundariesOf(model.thresholds)];
  const change = (step: number) => {
    const value = boundaries[step] ?? 0;
    changeAddress({ cutoff: value === threshold ? undefined : value }, { replace: true });
  };
  return (
    <div className="field">
      <span>
        <label htmlFor={slider}>{texts.labels.cutoff}</label>
        <output htmlFor={slider}>{format.score(cutoff)}</output>
      </span>
      <input
        id={slider}
        type="range"
        min={0}
        max={boundaries.length - 1}
        value={stepOf(boundaries.slice(1), nearestBoundary(boundaries, cutoff))}
        list={marks}
        aria-valuetext={format.score(cutoff)}
        onChange={event => change(Number(event.target.value))}
      />
      <datalist id={marks}>
        <option value={stepOf(boundaries.slice(1), threshold)} label={format.score(threshold)} />
      </datalist>
      <p className="hint">
        {texts.labels.threshold(format.score(threshold))}
        {cutoff !== threshold && (
          <button type="button" className="link" onClick={() => changeAddress({ cutoff: undefined })}>
            {texts.labels.useThreshold}
          </button>
        )}
      </p>
    </div>
  );
}
