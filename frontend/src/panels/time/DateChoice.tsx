import { firstSpan, sameMoment, withMoment } from '../../state/dates';
import { changeAddress, useAddress } from '../../state/useAddress';
import { useWording } from '../../texts';

/** Choose the date of the map, or two dates that are compared. */
export function DateChoice({ moments }: { moments: readonly string[] }) {
  const { texts, format } = useWording();
  const [{ at, before }] = useAddress();
  const comparing = before !== undefined;
  const span = firstSpan(moments, at);
  const [newest] = moments;
  return (
    <div className="dates">
      {comparing && (
        <MomentSelect
          name={texts.time.before}
          moments={moments}
          value={before}
          onChange={moment => changeAddress({ before: moment })}
        />
      )}
      <MomentSelect
        name={comparing ? texts.time.after : texts.time.date}
        moments={moments}
        value={at}
        newest={newest === undefined ? texts.time.newest : texts.time.newestOf(format.date(newest))}
        onChange={moment => changeAddress({ at: moment })}
      />
      {comparing ? (
        <button type="button" onClick={() => changeAddress({ before: undefined })}>
          {texts.time.stop}
        </button>
      ) : (
        <button
          type="button"
          className="primary"
          disabled={!span}
          onClick={() => span && changeAddress({ before: span.before })}
        >
          {texts.time.compare}
        </button>
      )}
      {!span && !comparing && (
        <p className="hint">{newest === undefined ? texts.time.none : texts.time.one}</p>
      )}
    </div>
  );
}

interface MomentSelectProps {
  name: string;
  moments: readonly string[];
  value: string | undefined;
  /** What no choice is called; without it there must be one. */
  newest?: string;
  onChange: (moment: string | undefined) => void;
}

function MomentSelect({ name, moments, value, newest, onChange }: MomentSelectProps) {
  const { format } = useWording();
  const offered = withMoment(moments, value);
  return (
    <label className="field">
      <span>{name}</span>
      <select
        value={offered.find(moment => sameMoment(moment, value)) ?? ''}
        onChange={event => onChange(event.target.value || undefined)}
      >
        {newest !== undefined && <option value="">{newest}</option>}
        {offered.map(moment => (
          <option key={moment} value={moment} title={format.utc(moment)}>
            {format.date(moment)}
          </option>
        ))}
      </select>
    </label>
  );
}
