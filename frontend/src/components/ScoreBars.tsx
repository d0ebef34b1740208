import type { Neighbours } from '../api/neighbours';
import type { RankedScore } from '../api/scores';
import { useWording } from '../texts';

interface Props {
  scores: readonly RankedScore[];
  neighbours?: Neighbours | undefined;
}

/** Scores as bars, each with a mark where its cutoff is and how far it is from that. */
export function ScoreBars({ scores, neighbours }: Props) {
  return (
    <ul className="scores">
      {scores.map(score => (
        <ScoreBar key={score.label} score={score} neighbours={neighbours} />
      ))}
    </ul>
  );
}

function ScoreBar({ score: { label, score, cutoff, margin }, neighbours }: ScoreBarProps) {
  const { texts, format } = useWording();
  const counts = margin >= 0;
  return (
    <li className={counts ? 'counts' : undefined}>
      <span className="name">{label}</span>
      <span className="value">{format.score(score)}</span>
      <span className="bar" aria-hidden>
        <span className="fill" style={{ width: `${100 * score}%` }} />
        <span className="mark" style={{ left: `${100 * cutoff}%` }} />
      </span>
      <span className="hint">
        <span>
          {counts
            ? texts.place.above(format.score(margin), format.score(cutoff))
            : texts.place.below(format.score(-margin), format.score(cutoff))}
        </span>
        {neighbours && neighbours.classified > 0 && (
          <span>{texts.place.neighbours(neighbours.withLabel.get(label) ?? 0, neighbours.classified)}</span>
        )}
      </span>
    </li>
  );
}

interface ScoreBarProps {
  score: RankedScore;
  neighbours: Neighbours | undefined;
}
