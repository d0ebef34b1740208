import { ServedModelDocument } from '../api/generated/graphql';
import { useModels } from '../api/useModels';
import { CutoffSlider } from '../components/CutoffSlider';
import { Legend } from '../components/Legend';
import { Loading, ProblemNotice } from '../components/Notice';
import { ShowQuery } from '../components/ShowQuery';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';

/** Choose what is painted: label and cutoff. */
export function LabelsPanel() {
  const { texts } = useWording();
  const { problem } = useModels();
  const [, changeAddress] = useAddress();
  const chosen = useChosenLabel();
  if (problem) return <ProblemNotice problem={problem} />;
  if (!chosen) return <Loading />;
  return (
    <>
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
      <CutoffSlider chosen={chosen} />
      <Legend />
      <ShowQuery operation={ServedModelDocument} variables={{}} />
    </>
  );
}
