import { useState } from 'react';

import { LabelChangesDocument } from '../../api/generated/graphql';
import { useChanges, type Change, type Changes } from '../../api/useChanges';
import { CHANGE_SIGNS, placeOf } from '../../layers/changes';
import { flyTo, FROM_LIST } from '../../map/fly';
import { useMap } from '../../map/MapProvider';
import { useAddress } from '../../state/useAddress';
import { useWording } from '../../texts';
import { Time } from '../../components/Time';
import { Loading, ProblemNotice } from '../../components/Notice';
import { ShowQuery } from '../../components/ShowQuery';

/** Where a label appeared or vanished between the two dates that are compared. */
export function ChangeList({ label }: { label: string }) {
  const { texts } = useWording();
  const [{ area }] = useAddress();
  const { span, variables, changes, problem, fetching, retry } = useChanges();
  if (!span) return <p role="status">{texts.time.backwards}</p>;
  return (
    <section className="changes" aria-busy={fetching}>
      <h3>
        {texts.time.changes(label)} <small>{area ? texts.time.inArea : texts.time.inView}</small>
      </h3>
      {problem && <ProblemNotice problem={problem} retry={retry} />}
      {!problem && !changes && <Loading />}
      {changes && <ChangeSums changes={changes} />}
      {changes && <Places changes={changes.changes} />}
      {variables && <ShowQuery operation={LabelChangesDocument} variables={variables} />}
    </section>
  );
}

function ChangeSums({ changes }: { changes: Changes }) {
  const { texts, format } = useWording();
  const { appeared, vanished, kept, comparedKm2, unknownKm2, changes: listed } = changes;
  const sums = [
    { name: texts.time.appeared, kind: 'APPEARED' as const, sum: appeared },
    { name: texts.time.vanished, kind: 'VANISHED' as const, sum: vanished },
    { name: texts.time.kept, kind: undefined, sum: kept },
  ];
  return (
    <div role="status">
      <dl className="change-sums">
        {sums.map(({ name, kind, sum }) => (
          <div key={name}>
            <dt>
              {kind && <Sign kind={kind} />}
              {name}
            </dt>
            <dd className="number">{format.km2(sum.areaKm2)}</dd>
            <dd>{texts.time.places(sum.tiles, format.number(sum.tiles))}</dd>
          </div>
        ))}
      </dl>
      {unknownKm2 > 0 && <p className="hint">{texts.time.unknown(format.km2(unknownKm2))}</p>}
      {comparedKm2 + unknownKm2 === 0 && <p>{texts.time.nothingCompared}</p>}
      {comparedKm2 > 0 && listed.length === 0 && <p>{texts.time.unchanged}</p>}
      {listed.length < appeared.tiles + vanished.tiles && (
        <p className="hint">{texts.time.more(format.number(listed.length))}</p>
      )}
    </div>
  );
}

/** How many places are shown before somebody asks for more. */
const PAGE = 20;

function Places({ changes }: { changes: readonly Change[] }) {
  const { texts, format } = useWording();
  const { map } = useMap();
  const [length, setLength] = useState(PAGE);
  const [flown, setFlown] = useState<string>();
  const fly = ({ before, after }: Change, place: string) => {
    const tile = placeOf(before, after);
    if (map) flyTo(map, tile.bounds, tile.z, FROM_LIST);
    setFlown(place);
  };
  return (
    <>
      <ol className="changed-places">
        {changes.slice(0, length).map((change, i) => (
          <Place
            key={`${change.before.id} ${change.after.id}`}
            change={change}
            place={format.number(i + 1)}
            onFly={fly}
          />
        ))}
      </ol>
      {changes.length > length && (
        <button type="button" onClick={() => setLength(length + PAGE)}>
          {texts.time.showMore}
        </button>
      )}
      <p className="visually-hidden" role="status">
        {flown !== undefined && texts.time.shown(flown)}
      </p>
    </>
  );
}

interface PlaceProps {
  change: Change;
  /** Its number in the list. */
  place: string;
  onFly: (change: Change, place: string) => void;
}

function Place({ change, place, onFly }: PlaceProps) {
  const { texts, format } = useWording();
  const { kind, before, after, scoreBefore, scoreAfter, areaKm2 } = change;
  return (
    <li className="changed-place">
      <div className="pictures">
        {[before, after].map(({ id, imageUrl, scene }) => (
          <figure key={id}>
            <img src={imageUrl} alt="" width={96} height={96} loading="lazy" />
            <figcaption>{scene.acquiredAt && <Time moment={scene.acquiredAt} dateOnly />}</figcaption>
          </figure>
        ))}
      </div>
      <div className="facts">
        <strong>
          <Sign kind={kind} />
          {kind === 'APPEARED' ? texts.time.appeared : texts.time.vanished}
        </strong>
        <span className="number">{format.km2(areaKm2)}</span>
        <span className="number">
          {texts.time.scoreFromTo(format.score(scoreBefore), format.score(scoreAfter))}
        </span>
        <button type="button" aria-label={texts.time.flyTo(place)} onClick={() => onFly(change, place)}>
          {texts.time.fly}
        </button>
      </div>
    </li>
  );
}

function Sign({ kind }: { kind: Change['kind'] }) {
  return (
    <span className="sign" data-kind={kind} aria-hidden>
      {CHANGE_SIGNS[kind]}
    </span>
  );
}
