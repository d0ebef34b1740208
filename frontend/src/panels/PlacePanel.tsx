import type { Geometry } from 'geojson';
import { useMemo } from 'react';

import { ClassifyPointDocument } from '../api/generated/graphql';
import { usePlace } from '../api/usePlace';
import { Loading, ProblemNotice } from '../components/Notice';
import { PlaceCard } from '../components/PlaceCard';
import { PlaceForm } from '../components/PlaceForm';
import { ShowQuery } from '../components/ShowQuery';
import { featuresOf, PLACE_LAYERS } from '../layers/outlines';
import { useMap } from '../map/MapProvider';
import { useFeatures } from '../map/useFeatures';
import type { Place } from '../state/address';
import { changeAddress, useAddress } from '../state/useAddress';
import { useWording } from '../texts';

/** Which labels apply at a place. */
export function PlacePanel() {
  const [{ point }] = useAddress();
  return (
    <>
      {point && <Classified point={point} />}
      <PlaceForm />
    </>
  );
}

function Classified({ point }: { point: Place }) {
  const { map } = useMap();
  const { classification, loading, problem, retry, variables } = usePlace();
  const footprint = classification?.tile.footprint;
  const outlines = useMemo(() => {
    const marker: Geometry = { type: 'Point', coordinates: [point.lon, point.lat] };
    return featuresOf(footprint && !loading ? [footprint, marker] : [marker]);
  }, [point, footprint, loading]);
  useFeatures(map, 'place', PLACE_LAYERS, outlines);
  return (
    <>
      {problem && <ProblemNotice problem={problem} retry={retry} />}
      {loading && !classification && <Loading />}
      {!loading && !problem && classification === null && <NothingHere point={point} />}
      {classification && <PlaceCard point={point} classification={classification} outdated={loading} />}
      <ShowQuery operation={ClassifyPointDocument} variables={variables} />
    </>
  );
}

function NothingHere({ point }: { point: Place }) {
  const { texts, format } = useWording();
  const [{ at }] = useAddress();
  return (
    <div className="empty" role="status">
      <p>{texts.place.nothing(format.place(point))}</p>
      {at === undefined ? (
        <button type="button" onClick={() => changeAddress({ panel: 'scenes' })}>
          {texts.histogram.toScenes}
        </button>
      ) : (
        <button type="button" onClick={() => changeAddress({ at: undefined })}>
          {texts.place.anyDate}
        </button>
      )}
    </div>
  );
}
