import { OPACITY } from '../layers/labels';
import { useAddress } from '../state/useAddress';
import { useWording } from '../texts';

/** A slider for how opaque the label is painted on the imagery. */
export function OpacitySlider() {
  const { texts, format } = useWording();
  const [{ opacity = OPACITY }, changeAddress] = useAddress();
  return (
    <label className="field">
      <span>
        {texts.labels.opacity} <output>{format.percent(opacity)}</output>
      </span>
      <input
        type="range"
        min={0}
        max={100}
        step={5}
        value={Math.round(opacity * 100)}
        aria-valuetext={format.percent(opacity)}
        onChange={event => {
          const value = Number(event.target.value) / 100;
          changeAddress({ opacity: value === OPACITY ? undefined : value }, { replace: true });
        }}
      />
    </label>
  );
}
