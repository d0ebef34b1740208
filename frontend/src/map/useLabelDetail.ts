import { useEffect, useState } from 'react';

import { useJob } from '../jobs/JobProvider';
import { detailOf, type LabelDetail } from '../layers/detail';
import { SOURCE_LAYER } from '../layers/labels';
import { useAddress } from '../state/useAddress';
import { useMap } from './MapProvider';
import { LABELS } from './useLabels';

/** What the squares of labels stand for in the view; found out when the map has come to rest. */
export function useLabelDetail(): LabelDetail | undefined {
  const { map, view } = useMap();
  const { scoresRevision } = useJob();
  const [{ at, model }] = useAddress();
  const [detail, setDetail] = useState<LabelDetail>();
  useEffect(() => {
    if (!map) return undefined;
    const look = () => {
      if (map.getSource(LABELS))
        setDetail(detailOf(map.querySourceFeatures(LABELS, { sourceLayer: SOURCE_LAYER })));
    };
    map.once('idle', look);
    return () => void map.off('idle', look);
  }, [map, view, at, model, scoresRevision]);
  return detail;
}
