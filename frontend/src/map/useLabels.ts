import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { apiUrl } from '../api/client';
import { modelTitle } from '../api/useModels';
import { labelLayer, labelSource, restyleLabels, SOURCE_LAYER, UNCLASSIFIED } from '../layers/labels';
import { useChosenLabel } from '../state/useChosenLabel';
import { useAddress } from '../state/useAddress';
import { hatchPattern } from './hatch';

export const LABELS = 'labels';
const HATCH = 'unclassified';

/** Show the label that is chosen, and which tiles have not been classified. */
export function useLabels(map: MapLibreMap | undefined) {
  const [{ at }] = useAddress();
  const chosen = useChosenLabel();
  const model = chosen && modelTitle(chosen.model);

  useEffect(() => {
    if (!map || model === undefined) return undefined;
    map.addSource(LABELS, labelSource(apiUrl('/labels.json', { model, at })));
    if (!map.hasImage(HATCH)) map.addImage(HATCH, hatchPattern(), { pixelRatio: 2 });
    map.addLayer({
      id: HATCH,
      type: 'fill',
      source: LABELS,
      'source-layer': SOURCE_LAYER,
      filter: UNCLASSIFIED,
      paint: { 'fill-pattern': HATCH },
    });
    map.addLayer(labelLayer(LABELS, LABELS, { label: '', cutoff: 0, thresholds: [] }));
    return () => {
      map.removeLayer(LABELS);
      map.removeLayer(HATCH);
      map.removeSource(LABELS);
    };
  }, [map, model, at]);

  useEffect(() => {
    if (!map || !chosen) return;
    const { label, cutoff, model } = chosen;
    restyleLabels(map, LABELS, { label, cutoff, thresholds: model.thresholds });
  }, [map, chosen, at]);
}

/** Fetch the label tiles again, after scores were stored; unchanged ones cost a 304. */
export function refreshLabels(map: MapLibreMap) {
  if (map.getSource(LABELS)) map.refreshTiles(LABELS);
}
