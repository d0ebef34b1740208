import { useRef, type SyntheticEvent } from 'react';

import { useMap } from '../../map/MapProvider';
import type { Area, Bounds } from '../../state/address';
import { areaBounds } from '../../state/area';
import { changeAddress } from '../../state/useAddress';
import { useWording } from '../../texts';

const EDGES = ['west', 'south', 'east', 'north'] as const;

/** Type the edges of a rectangle; at first they are those of the area, or of the view. */
export function BoundsForm({ area }: { area: Area | undefined }) {
  const { texts } = useWording();
  const { view } = useMap();
  const form = useRef<HTMLFormElement>(null);
  const shown = area ? areaBounds(area) : view;
  const check = () => {
    const { south, north } = edgesOf(form.current!);
    edge(form.current!, 'south').setCustomValidity(south < north ? '' : texts.area.order);
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    changeAddress({ area: edgesOf(form.current!) });
  };
  return (
    <details>
      <summary>{texts.area.typed}</summary>
      {/* Other edges from outside take the place of what was typed. */}
      <form ref={form} key={JSON.stringify(shown)} className="edges" onSubmit={submit} onInput={check}>
        {EDGES.map(name => (
          <label key={name} className="field" data-edge={name}>
            <span>{texts.area[name]}</span>
            <input
              type="number"
              name={name}
              required
              step="any"
              min={name === 'west' || name === 'east' ? -540 : -90}
              max={name === 'west' || name === 'east' ? 540 : 90}
              defaultValue={shown && Number(shown[name].toFixed(5))}
            />
          </label>
        ))}
        <button type="submit">{texts.area.set}</button>
      </form>
    </details>
  );
}

const edge = (form: HTMLFormElement, name: keyof Bounds) => form.elements.namedItem(name) as HTMLInputElement;

function edgesOf(form: HTMLFormElement): Bounds {
  const [west, south, east, north] = EDGES.map(name => edge(form, name).valueAsNumber);
  return { west: west!, south: south!, east: east!, north: north! };
}
