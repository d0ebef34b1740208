import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import { apiUrl } from '../api/client';
import { modelTitle } from '../api/useModels';
import { useJob } from '../jobs/JobProvider';
import { OUTLINES } from '../layers/base';
import {
  labelLayer,
  labelSource,
  OPACITY,
  restyleLabels,
  SOURCE_LAYER,
  UNCLASSIFIED,
  UNCLASSIFIED_SHARE,
} from '../layers/labels';
import type { ChosenLabel } from '../state/useChosenLabel';
import { useAddress } from '../state/useAddress';
import { hatchPattern } from './hatch';

export const LABELS = 'labels';
const HATCH = 'unclassified';

/** So much colour that the ground below is still seen, where two maps are compared. */
export const FAINT = 0.4;

/**
 * Show a label without scenes acquired after a moment, and which tiles have not been classified.
 *
 * `usual` is the label's opacity where the address has none, 0 to 1.
 */
export function useLabels(
  map: MapLibreMap | undefined,
  chosen: ChosenLabel | undefined,
  at?: string,
  usual = OPACITY,
) {
  const [{ opacity = usual }] = useAddress();
  const { scoresRevision } = useJob();
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
        paint: { 'fill-pattern': HATCH, 'fill-opacity': UNCLASSIFIED_SHARE },
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
    if (!map || !chosen) return undefined;
    const { label, cutoff, model } = chosen;
    // A slider changes more often than a screen shows: the last change before a frame is painted.
    const frame = requestAnimationFrame(() => {
      if (map.getLayer(LABELS))
        restyleLabels(map, LABELS, { label, cutoff, thresholds: model.thresholds, opacity });
    });
    return () => cancelAnimationFrame(frame);
  }, [map, chosen, at, opacity]);

  useEffect(() => {
    if (map && scoresRevision > 0) refreshLabels(map, scoresRevision);
  }, [map, scoresRevision]);
}

/**
 * Fetch the label tiles again, after scores were stored; unchanged ones cost a 304.
 *
 * Above the highest zoom of the source MapLibre cuts tiles into pieces, and keeps the pieces by the
 * tile's address whatever it fetches later. A fragment, which is not sent, makes that another address.
 */
export function refreshLabels(map: MapLibreMap, revision: number) {
  if (!map.getSource(LABELS)) return;
  map.setTransformRequest(url => ({ url: url.includes('/labels/') ? `${url}#${revision}` : url }));
  map.refreshTiles(LABELS);
}
