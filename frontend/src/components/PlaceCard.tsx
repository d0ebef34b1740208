import { useMemo } from 'react';

import { rankScores } from '../api/scores';
import { modelTitle } from '../api/useModels';
import { useNeighbours, type PlaceClassification } from '../api/usePlace';
import type { Place } from '../state/address';
import { useCutoffOf } from '../state/useCutoffOf';
import { useWording } from '../texts';
import { ScoreBars } from './ScoreBars';
import { Time } from './Time';

interface Props {
  point: Place;
  classification: PlaceClassification;
  /** Whether another place is being loaded: this one is dimmed. */
  outdated: boolean;
}

/** What a model says about a place, and which picture it is about. */
export function PlaceCard({ point, classification, outdated }: Props) {
  const { texts } = useWording();
  const { model, scores, domainDistance } = classification;
  const cutoffOf = useCutoffOf(model);
  const { counting, others } = useMemo(() => rankScores(scores, cutoffOf), [scores, cutoffOf]);
  const neighbours = useNeighbours(classification, cutoffOf);
  return (
    <article className="place-card" aria-busy={outdated}>
      <div className="picture-and-facts">
        <Picture tile={classification.tile} />
        <Facts point={point} classification={classification} />
      </div>
      {typeof domainDistance === 'number' && domainDistance > 1 && <Unlike distance={domainDistance} />}
      <h3>{texts.place.labels}</h3>
      <p className="visually-hidden" role="status">
        {texts.place.found(counting.map(({ label }) => label).join(', '))}
      </p>
      {counting.length === 0 && <p>{texts.place.noLabels}</p>}
      <ScoreBars scores={counting} neighbours={neighbours} />
      {others.length > 0 && (
        <details>
          <summary>{texts.place.others(others.length)}</summary>
          <ScoreBars scores={others} neighbours={neighbours} />
        </details>
      )}
    </article>
  );
}

function Picture({ tile }: { tile: PlaceClassification['tile'] }) {
  const { texts } = useWording();
  const name = `${tile.z}/${tile.x}/${tile.y}`;
  return (
    <a href={tile.imageUrl} target="_blank" rel="noreferrer" title={texts.place.openPicture}>
      <img key={tile.id} src={tile.imageUrl} alt={texts.place.picture(name)} width={256} height={256} />
    </a>
  );
}

function Facts({ point, classification }: { point: Place; classification: PlaceClassification }) {
  const { texts, format } = useWording();
  const { tile, model, computedAt } = classification;
  const { scene } = tile;
  return (
    <dl className="place-facts">
      <dt>{texts.place.place}</dt>
      <dd>{format.place(point)}</dd>
      <dt>{texts.place.acquired}</dt>
      <dd>{scene.acquiredAt ? <Time moment={scene.acquiredAt} /> : texts.place.unknownDate}</dd>
      <dt>{texts.place.scene}</dt>
      <dd>
        {scene.name} <span className="hint">{`${tile.z}/${tile.x}/${tile.y}`}</span>
      </dd>
      <dt>{texts.place.model}</dt>
      <dd>{modelTitle(model)}</dd>
      <dt>{texts.place.computed}</dt>
      <dd>
        <Time moment={computedAt} />
      </dd>
    </dl>
  );
}

/** A warning that the scores may mean nothing. */
function Unlike({ distance }: { distance: number }) {
  const { texts, format } = useWording();
  return (
    <p className="unlike" role="note">
      {texts.place.unlike(format.score(distance))}
    </p>
  );
}
