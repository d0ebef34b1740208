import { changeAddress } from '../state/useAddress';
import type { ChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** Choose the label that is painted. */
export function LabelSelect({ chosen }: { chosen: ChosenLabel }) {
  const { texts } = useWording();
  return (
    <label className="field">
      <span>{texts.labels.label}</span>
      <select
        value={chosen.label}
        onChange={event => changeAddress({ label: event.target.value, cutoff: undefined })}
      >
        {chosen.model.labels.map(label => (
          <option key={label}>{label}</option>
        ))}
      </select>
    </label>
  );
}
