import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect, useMemo } from 'react';

import { useChanges, type Change } from '../api/useChanges';
import { CHANGE_LAYERS, changeFeatures, changeIcon, placeOf } from '../layers/changes';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';
import { useMap } from './MapProvider';
import { Swipe } from './Swipe';
import { useAreaOutline } from './useAreaOutline';
import { useFeatures } from './useFeatures';

/** The two dates that are compared on one map, and outlines of what changed between them. */
export function Comparison() {
  const { map } = useMap();
  const { format } = useWording();
  const chosen = useChosenLabel();
  const { span, changes } = useChanges();
  if (!span || !map) return null;
  const places = changes?.changes ?? NONE;
  return (
    <>
      <ChangeOutlines map={map} changes={places} />
      <Swipe left={{ at: span.before, chosen }} names={[format.date(span.before), format.date(span.after)]}>
        {left => <LeftOutlines map={left} changes={places} />}
      </Swipe>
    </>
  );
}

const NONE: Change[] = [];

interface Outlined {
  map: MapLibreMap;
  changes: readonly Change[];
}

function LeftOutlines({ map, changes }: Outlined) {
  const [{ area }] = useAddress();
  useAreaOutline(map, area);
  return <ChangeOutlines map={map} changes={changes} />;
}

function ChangeOutlines({ map, changes }: Outlined) {
  const features = useMemo(
    () =>
      changeFeatures(
        changes.map(({ kind, before, after }) => ({ kind, bounds: placeOf(before, after).bounds })),
      ),
    [changes],
  );
  useEffect(() => {
    for (const kind of ['APPEARED', 'VANISHED'] as const)
      if (!map.hasImage(kind)) map.addImage(kind, changeIcon(kind), { pixelRatio: 2 });
  }, [map]);
  useFeatures(map, 'changes', CHANGE_LAYERS, features);
  return null;
}
