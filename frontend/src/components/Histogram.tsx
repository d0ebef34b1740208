import type { Histogram } from '../api/useHistogram';
import { changeAddress } from '../state/useAddress';
import { useWording } from '../texts';

interface Props {
  histogram: Histogram;
  chosen: string;
  /** Whether another is being loaded: this one is dimmed. */
  outdated: boolean;
  /** What the bars are about. */
  title: string;
}

/** The labels of the view or an area as bars; choosing one paints it. */
export function HistogramList({ histogram, chosen, outdated, title }: Props) {
  return (
    <ul className="histogram" aria-label={title} aria-busy={outdated}>
      {histogram.labels.map(summary => (
        <Row key={summary.label} summary={summary} pressed={summary.label === chosen} />
      ))}
    </ul>
  );
}

function Row({ summary, pressed }: { summary: Histogram['labels'][number]; pressed: boolean }) {
  const { texts, format } = useWording();
  const { label, share, areaKm2, tiles } = summary;
  return (
    <li>
      <button
        type="button"
        aria-pressed={pressed}
        onClick={() => changeAddress(pressed ? {} : { label, cutoff: undefined })}
      >
        <span className="name">{label}</span>
        <span className="row-sums">
          {format.km2(areaKm2)} · {texts.histogram.tiles(tiles, format.number(tiles))}
        </span>
        <span className="share">{format.share(share ?? 0)}</span>
        <span className="bar" aria-hidden>
          <span style={{ width: `${100 * (share ?? 0)}%` }} />
        </span>
      </button>
    </li>
  );
}

/** How much of the view or an area has been classified: what the shares are of. */
export function Coverage({ histogram }: { histogram: Histogram }) {
  const { texts, format } = useWording();
  const { classifiedKm2, coveredKm2, tiles, tilesClassified } = histogram;
  return (
    <p className="coverage">
      {texts.histogram.coverage({
        share: format.percent(coveredKm2 > 0 ? classifiedKm2 / coveredKm2 : 0),
        classified: format.km2(classifiedKm2),
        covered: format.km2(coveredKm2),
      })}{' '}
      <span className="hint">
        {texts.histogram.counts(format.number(tilesClassified), format.number(tiles))}
      </span>
    </p>
  );
}
