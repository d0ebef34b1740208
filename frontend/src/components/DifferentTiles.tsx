import type { Comparison } from '../api/useModelComparison';
import type { TileIndex } from '../layers/grid';
import { flyTo, FROM_LIST } from '../map/fly';
import { useMap } from '../map/MapProvider';
import { useTileOutline } from '../map/useTileOutline';
import { useAddress } from '../state/useAddress';
import { useWording } from '../texts';

type Difference = Comparison['mostDifferent'][number];

/** The tiles on which two models differ most; one that is chosen is flown to and outlined. */
export function DifferentTiles({ tiles }: { tiles: readonly Difference[] }) {
  const { texts } = useWording();
  const { map } = useMap();
  const [{ tile: shown }, changeAddress] = useAddress();
  useTileOutline(map);
  const show = (tile: Difference['tile']) => {
    changeAddress({ tile: { z: tile.z, x: tile.x, y: tile.y } });
    if (map) flyTo(map, tile.bounds, tile.z - 1, FROM_LIST);
  };
  return (
    <>
      <h3>{texts.models.most}</h3>
      <ol className="different">
        {tiles.map(difference => (
          <Tile
            key={difference.tile.id}
            difference={difference}
            pressed={shown !== undefined && isSame(difference.tile, shown)}
            show={show}
          />
        ))}
      </ol>
    </>
  );
}

const isSame = (a: TileIndex, b: TileIndex) => a.z === b.z && a.x === b.x && a.y === b.y;

interface TileProps {
  difference: Difference;
  pressed: boolean;
  show: (tile: Difference['tile']) => void;
}

function Tile({ difference, pressed, show }: TileProps) {
  const { texts, format } = useWording();
  const { tile, distance, labelsOnlyA, labelsOnlyB } = difference;
  return (
    <li>
      <button type="button" aria-pressed={pressed} title={texts.models.fly} onClick={() => show(tile)}>
        <img src={tile.imageUrl} alt="" width={72} height={72} loading="lazy" />
        <span>
          <Labels name={texts.models.onlyA} labels={labelsOnlyA} />
          <Labels name={texts.models.onlyB} labels={labelsOnlyB} />
          <span className="hint">{texts.models.distance(format.score(distance))}</span>
        </span>
      </button>
    </li>
  );
}

function Labels({ name, labels }: { name: string; labels: readonly string[] }) {
  if (labels.length === 0) return null;
  return (
    <span>
      <strong>{name}</strong> {labels.join(', ')}
    </span>
  );
}
