import type { Map as MapLibreMap } from 'maplibre-gl';
import { useMemo } from 'react';

import { tileFootprint } from '../layers/grid';
import { featuresOf, TILE_LAYERS } from '../layers/outlines';
import { useAddress } from '../state/useAddress';
import { useFeatures } from './useFeatures';

/** Outline the tile of the address on a map. */
export function useTileOutline(map: MapLibreMap | undefined) {
  const [{ tile }] = useAddress();
  const features = useMemo(() => featuresOf(tile ? [tileFootprint(tile)] : []), [tile]);
  useFeatures(map, 'tile', TILE_LAYERS, features);
}
