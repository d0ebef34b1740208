import type { Comparison } from '../api/useModelComparison';
import { changeAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** How far two models agree on each label, those with the most disagreement first. */
export function AgreementTable({ labels }: { labels: Comparison['labels'] }) {
  const { texts } = useWording();
  const chosen = useChosenLabel();
  return (
    <table className="agreement-table">
      <caption>{texts.models.caption}</caption>
      <thead>
        <tr>
          <th scope="col">{texts.labels.label}</th>
          <th scope="col">{texts.models.agreement}</th>
          <th scope="col">{texts.models.both}</th>
          <th scope="col">{texts.models.onlyA}</th>
          <th scope="col">{texts.models.onlyB}</th>
        </tr>
      </thead>
      <tbody>
        {labels.map(label => (
          <Row key={label.label} agreement={label} pressed={label.label === chosen?.label} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ agreement, pressed }: { agreement: Comparison['labels'][number]; pressed: boolean }) {
  const { format } = useWording();
  const { label, both, onlyA, onlyB } = agreement;
  const share = agreement.agreement ?? 0;
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="link"
          aria-pressed={pressed}
          onClick={() => changeAddress(pressed ? {} : { label, cutoff: undefined })}
        >
          {label}
        </button>
      </th>
      <td className="share">
        {format.share(share)}
        <span className="bar" aria-hidden>
          <span style={{ width: `${100 * share}%` }} />
        </span>
      </td>
      <td>{format.number(both)}</td>
      <td>{format.number(onlyA)}</td>
      <td>{format.number(onlyB)}</td>
    </tr>
  );
}
