import { useId, useMemo } from 'react';
import { useQuery } from 'urql';

import { ServedModelDocument } from '../api/generated/graphql';
import { ScoreRows } from '../components/ScoreRows';
import { useWording } from '../texts';
import { shownScores, type PictureAnswer } from './classify';

interface PictureScoresProps {
  answer: PictureAnswer;
  /** One cutoff for all labels; without it the model's thresholds count. */
  cutoff: number | undefined;
  onCutoff: (cutoff: number | undefined) => void;
}

/** Which labels the picture has, at the cutoff that is chosen. */
export function PictureScores({ answer, cutoff, onCutoff }: PictureScoresProps) {
  const { texts, format } = useWording();
  const id = useId();
  const [{ data }] = useQuery({ query: ServedModelDocument });
  const thresholds = useMemo(
    () => new Map(data?.model?.labels.map((label, i) => [label, data.model!.thresholds[i] ?? 0.5])),
    [data],
  );
  const rows = shownScores(answer.scores, thresholds, cutoff);
  const labels = rows.filter(({ counts }) => counts).map(({ label }) => label);
  return (
    <>
      <p role="status">
        {labels.length > 0 ? texts.picture.shows(labels.join(', ')) : texts.picture.showsNothing}
      </p>
      {(answer.domainDistance ?? 0) > 1 && <p className="note">{texts.picture.unlike}</p>}
      <div className="field">
        <span>
          <label htmlFor={id}>{texts.labels.cutoff}</label>
          <output htmlFor={id}>
            {cutoff === undefined ? texts.picture.thresholds : format.score(cutoff)}
          </output>
        </span>
        <input
          id={id}
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={cutoff ?? 0.5}
          aria-valuetext={cutoff === undefined ? texts.picture.thresholds : format.score(cutoff)}
          onChange={event => onCutoff(Number(event.target.value))}
        />
        {cutoff !== undefined && (
          <p className="hint">
            <button type="button" className="link" onClick={() => onCutoff(undefined)}>
              {texts.picture.useThresholds}
            </button>
          </p>
        )}
      </div>
      <ScoreRows rows={rows} caption={texts.picture.scores} />
      <p className="hint">
        {texts.labels.model}: {answer.model.name} {answer.model.version}
      </p>
    </>
  );
}
