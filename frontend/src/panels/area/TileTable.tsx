import { AreaTilesDocument } from '../../api/generated/graphql';
import { nextSort, sortState } from '../../api/tilePages';
import { useAreaTiles, type AreaTile, type AreaTilesState } from '../../api/useAreaTiles';
import { Loading, ProblemNotice } from '../../components/Notice';
import { ShowQuery } from '../../components/ShowQuery';
import { Time } from '../../components/Time';
import { flyTo, FROM_LIST } from '../../map/fly';
import { useMap } from '../../map/MapProvider';
import type { Area } from '../../state/address';
import { changeAddress, useAddress } from '../../state/useAddress';
import type { ChosenLabel } from '../../state/useChosenLabel';
import { useWording } from '../../texts';

interface Props {
  area: Area;
  chosen: ChosenLabel;
  /** Whether none of the area's tiles has been classified. */
  unclassified: boolean;
}

/** The tiles of an area: what the map shows of it, as a table. */
export function TileTable({ area, chosen, unclassified }: Props) {
  const { texts, format } = useWording();
  const [{ only = false }] = useAddress();
  const state = useAreaTiles(area, chosen);
  const { tiles, problem, fetching, variables, retry } = state;
  return (
    <section className="section" aria-busy={fetching} aria-labelledby="area-tiles">
      <h3 id="area-tiles">{texts.area.tiles}</h3>
      <label className="check">
        <input
          type="checkbox"
          checked={only}
          onChange={event => changeAddress({ only: event.target.checked || undefined })}
        />
        {texts.area.only(chosen.label, format.score(chosen.cutoff))}
      </label>
      {problem && <ProblemNotice problem={problem} retry={retry} />}
      {!tiles && !problem && <Loading />}
      {tiles?.nodes.length === 0 && (
        <p role="status">{unclassified ? texts.area.unclassified : texts.area.none(chosen.label)}</p>
      )}
      {tiles && tiles.nodes.length > 0 && (
        <>
          <Table tiles={tiles.nodes} chosen={chosen} />
          <Pages state={state} />
        </>
      )}
      <ShowQuery operation={AreaTilesDocument} variables={variables} />
    </section>
  );
}

function Table({ tiles, chosen }: { tiles: readonly AreaTile[]; chosen: ChosenLabel }) {
  const { texts } = useWording();
  return (
    <table className="tiles">
      <caption className="visually-hidden">{texts.area.tiles}</caption>
      <thead>
        <tr>
          <th scope="col">{texts.area.tile}</th>
          <th scope="col">{texts.area.labels}</th>
          <SortedHeading column="score" title={texts.area.score} long={texts.area.scoreOf(chosen.label)} />
          <SortedHeading column="acquired" title={texts.area.acquired} />
        </tr>
      </thead>
      <tbody>
        {tiles.map(tile => (
          <Row key={tile.id} tile={tile} chosen={chosen} />
        ))}
      </tbody>
    </table>
  );
}

interface HeadingProps {
  column: 'score' | 'acquired';
  title: string;
  /** What the title means, for those who hear it. */
  long?: string;
}

function SortedHeading({ column, title, long }: HeadingProps) {
  const [{ sort = '-score' }] = useAddress();
  const state = sortState(sort, column);
  const arrow = { ascending: '▲', descending: '▼', none: '' }[state];
  return (
    <th scope="col" aria-sort={state}>
      <button
        type="button"
        className="sort"
        aria-label={long}
        onClick={() => changeAddress({ sort: nextSort(sort, column) }, { replace: true })}
      >
        {title} <span aria-hidden>{arrow}</span>
      </button>
    </th>
  );
}

function Row({ tile, chosen }: { tile: AreaTile; chosen: ChosenLabel }) {
  const { texts, format } = useWording();
  const { map } = useMap();
  const { z, x, y, imageUrl, scene, classification } = tile;
  const name = `${z}/${x}/${y}`;
  const scores = classification?.scores ?? [];
  const labels = scores
    .filter(({ label, score }) => label !== chosen.label || score >= chosen.cutoff)
    .map(({ label }) => label);
  const score = scores.find(({ label }) => label === chosen.label)?.score;
  return (
    <tr>
      <td>
        <button
          type="button"
          className="thumbnail"
          title={texts.area.flyTo(name)}
          onClick={() => map && flyTo(map, tile.bounds, z, FROM_LIST)}
        >
          <img src={imageUrl} alt={texts.area.flyTo(name)} width={64} height={64} loading="lazy" />
        </button>
      </td>
      <td>{labels.join(', ')}</td>
      <td className="number">{score === undefined ? '–' : format.score(score)}</td>
      <td>
        {scene.acquiredAt ? <Time moment={scene.acquiredAt} dateOnly /> : texts.area.noDate}
        <small>{scene.name}</small>
      </td>
    </tr>
  );
}

function Pages({ state: { tiles, start, next, previous } }: { state: AreaTilesState }) {
  const { texts, format } = useWording();
  if (!tiles) return null;
  const total = tiles.totalCount;
  return (
    <nav className="pages" aria-label={texts.area.pages}>
      <button type="button" disabled={!previous} onClick={previous}>
        {texts.area.previous}
      </button>
      <span className="number" role="status">
        {texts.area.rows(
          format.number(start + 1),
          format.number(start + tiles.nodes.length),
          typeof total === 'number' ? format.number(total) : '…',
        )}
      </span>
      <button type="button" disabled={!next} onClick={next}>
        {texts.area.next}
      </button>
    </nav>
  );
}
