import { useId, useState, type SubmitEvent } from 'react';

import { openPlace } from '../map/useClicks';
import { useMap } from '../map/MapProvider';
import { parsePlace } from '../state/parsePlace';
import { useAddress } from '../state/useAddress';
import { useWording } from '../texts';

/** From this zoom on a tile of satellite imagery is large enough to be seen. */
const NEAR = 12;

/** Ways to a place without a mouse: its coordinates, or the centre of the map. */
export function PlaceForm() {
  const { texts } = useWording();
  const { map } = useMap();
  const [, changeAddress] = useAddress();
  const [invalid, setInvalid] = useState(false);
  const note = useId();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('place');
    const place = parsePlace(typeof text === 'string' ? text : '');
    setInvalid(!place);
    if (!place) return;
    changeAddress({ point: place });
    map?.easeTo({ center: [place.lon, place.lat], zoom: Math.max(map.getZoom(), NEAR) });
  };
  return (
    <form className="place-form" onSubmit={submit} noValidate>
      <label className="field">
        <span>{texts.place.coordinates}</span>
        <span className="row">
          <input
            type="text"
            name="place"
            placeholder="-3.13, -54.87"
            autoComplete="off"
            aria-invalid={invalid}
            aria-describedby={note}
          />
          <button type="submit">{texts.place.find}</button>
        </span>
      </label>
      <p id={note} className={invalid ? 'invalid' : 'hint'} role={invalid ? 'alert' : undefined}>
        {invalid ? texts.place.invalid : texts.place.hint}
      </p>
      <button type="button" disabled={!map} onClick={() => map && openPlace(map.getCenter())}>
        {texts.place.centre}
      </button>
    </form>
  );
}
