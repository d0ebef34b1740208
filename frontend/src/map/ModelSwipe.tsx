import type { Map as MapLibreMap } from 'maplibre-gl';

import { modelTitle } from '../api/useModels';
import { chooseLabel, useChosenLabel } from '../state/useChosenLabel';
import { useAddress } from '../state/useAddress';
import { useTwoModels } from '../state/useTwoModels';
import { Swipe } from './Swipe';
import { useTileOutline } from './useTileOutline';

/** The label as two models see it: the other one left of the divider, the painted one right of it. */
export function ModelSwipe() {
  const two = useTwoModels();
  const chosen = useChosenLabel();
  const [{ at, cutoff }] = useAddress();
  if (!two || !chosen) return null;
  return (
    <Swipe
      left={{ at, chosen: chooseLabel(two.a, chosen.label, cutoff) }}
      names={[modelTitle(two.a), modelTitle(two.b)]}
    >
      {map => <TileOutline map={map} />}
    </Swipe>
  );
}

function TileOutline({ map }: { map: MapLibreMap }) {
  useTileOutline(map);
  return null;
}
