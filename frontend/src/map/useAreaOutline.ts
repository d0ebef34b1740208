import type { FeatureCollection } from 'geojson';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { useMemo } from 'react';

import { AREA_LAYERS } from '../layers/outlines';
import type { Area } from '../state/address';
import { areaRing } from '../state/area';
import { useFeatures } from './useFeatures';

/** Outline an area on a map. */
export function useAreaOutline(map: MapLibreMap | undefined, area: Area | undefined) {
  const features = useMemo(() => outline(area), [area]);
  useFeatures(map, 'area', AREA_LAYERS, features);
}

function outline(area: Area | undefined): FeatureCollection {
  if (!area) return { type: 'FeatureCollection', features: [] };
  const geometry = { type: 'Polygon' as const, coordinates: [areaRing(area)] };
  return { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry }] };
}
