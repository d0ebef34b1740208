import { useWording } from '../texts';

interface ScoreRow {
  label: string;
  score: number;
  cutoff: number;
  counts: boolean;
}

/** Scores as a table of bars, each with a line at the cutoff from which the label counts. */
export function ScoreRows({ rows, caption }: { rows: ScoreRow[]; caption: string }) {
  const { texts, format } = useWording();
  return (
    <table className="score-rows">
      <caption className="visually-hidden">{caption}</caption>
      <colgroup>
        <col />
        <col />
        <col />
      </colgroup>
      <thead className="visually-hidden">
        <tr>
          <th>{texts.labels.label}</th>
          <th>{texts.labels.score}</th>
          <th>{texts.labels.cutoff}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ label, score, cutoff, counts }) => (
          <tr key={label} className={counts ? 'counts' : undefined}>
            <th scope="row">{label}</th>
            <td>
              <span className="bar" aria-hidden>
                <span style={{ width: `${100 * score}%` }} />
                <i style={{ left: `${100 * cutoff}%` }} />
              </span>
              <span className="number">{format.score(score)}</span>
            </td>
            <td title={texts.picture.from(format.score(cutoff))}>
              {counts ? '✓' : ''}
              <span className="visually-hidden">
                {texts.picture.from(format.score(cutoff))}: {counts ? texts.picture.yes : texts.picture.no}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
