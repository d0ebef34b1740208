import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { apiUrl } from '../api/client';
import { modelTitle } from '../api/useModels';
import { OUTLINES } from '../layers/base';
import { labelLayer, labelSource, restyleLabels, SOURCE_LAYER, UNCLASSIFIED } from '../layers/labels';
import type { ChosenLabel } from '../state/useChosenLabel';
import { hatchPattern } from './hatch';

export const LABELS = 'labels';
const HATCH = 'unclassified';

/** Show a label without scenes acquired after a moment, and which tiles have not been classified. */
export function useLabels(map: MapLibreMap | undefined, chosen: ChosenLabel | undefined, at?: string) {
  const model = chosen && modelTitle(chosen.model);

  useEffect(() => {
    if (!map || model === undefined) return undefined;
    map.addSource(LABELS, labelSource(apiUrl('/labels.json', { model, at })));
    if (!map.hasImage(HATCH)) map.addImage(HATCH, hatchPattern(), { pixelRatio: 2 });
    map.addLayer(
      {
        id: HATCH,
        type: 'fill',
        source: LABELS,
        'source-layer': SOURCE_LAYER,
        filter: UNCLASSIFIED,
        paint: { 'fill-pattern': HATCH },
      },
      OUTLINES,
    );
    map.addLayer(labelLayer(LABELS, LABELS, { label: '', cutoff: 0, thresholds: [] }), OUTLINES);
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
