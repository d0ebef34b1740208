import type { ScenesQuery } from '../api/generated/graphql';
import { Time } from '../components/Time';
import { flyTo } from '../map/fly';
import { useMap } from '../map/MapProvider';
import { useWording } from '../texts';
import { areaKm2 } from './extent';

export type Scene = NonNullable<ScenesQuery['scenes']>['nodes'][number];

interface SceneCardProps {
  scene: Scene;
  /** Called with the scene while the reader points at it, and with nothing afterwards. */
  onPoint: (scene: Scene | undefined) => void;
}

/** What is known of a scene, and the way to it. */
export function SceneCard({ scene, onPoint }: SceneCardProps) {
  const { texts, format } = useWording();
  const { map } = useMap();
  const { name, acquiredAt, zoom, tileCount, attribution, bounds } = scene;
  return (
    <li className="scene" onPointerEnter={() => onPoint(scene)} onPointerLeave={() => onPoint(undefined)}>
      <h3>{name}</h3>
      <button
        type="button"
        disabled={!map}
        onClick={() => map && flyTo(map, bounds)}
        onFocus={() => onPoint(scene)}
        onBlur={() => onPoint(undefined)}
      >
        {texts.scenes.fly}
        <span className="visually-hidden"> {texts.scenes.to(name)}</span>
      </button>
      <p>{acquiredAt ? <Time moment={acquiredAt} /> : texts.scenes.noDate}</p>
      <p className="hint">
        {texts.scenes.tiles(tileCount, format.number(tileCount))} · {texts.scenes.zoom(zoom)} ·{' '}
        {texts.scenes.around(format.km2(areaKm2(bounds)))}
      </p>
      {attribution && <p className="hint">{attribution}</p>}
    </li>
  );
}
