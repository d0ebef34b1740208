import { GRADIENT } from '../layers/scale';
import type { LabelDetail } from '../layers/detail';
import { useLabelDetail } from '../map/useLabelDetail';
import { useWording } from '../texts';

/** What the colours mean: scores of tiles, the share of many tiles, or both where both are in the view. */
export function Legend() {
  const detail = useLabelDetail() ?? 'tiles';
  const { texts } = useWording();
  return (
    <div className="legend">
      <p>{legendMeaning(detail, texts.labels)}</p>
      <Scale detail={detail} />
      {(detail === 'cells' || detail === 'both') && <p className="hint">{texts.labels.shareNote}</p>}
      <p className="key">
        <span className="hatch" aria-hidden />
        {texts.labels.notClassified}
        {(detail === 'cells' || detail === 'both') && ` (${texts.labels.fainter})`}
      </p>
    </div>
  );
}

/** What the colours mean, in words. */
export function legendMeaning(
  detail: LabelDetail,
  texts: { score: string; share: string; both: string },
): string {
  if (detail === 'cells') return texts.share;
  return detail === 'both' ? texts.both : texts.score;
}

function Scale({ detail }: { detail: LabelDetail }) {
  const { format } = useWording();
  const write = detail === 'cells' ? format.percent : format.score;
  return (
    <div className="scale">
      <div style={{ backgroundImage: GRADIENT }} aria-hidden />
      <p>
        {[0, 0.5, 1].map(value => (
          <span key={value}>
            {write(value)}
            {detail === 'both' && <small> {format.percent(value)}</small>}
          </span>
        ))}
      </p>
    </div>
  );
}
