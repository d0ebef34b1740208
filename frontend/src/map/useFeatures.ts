import type { FeatureCollection } from 'geojson';
import type { AddLayerObject, GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import type { FeatureLayer } from '../layers/outlines';

/** Show features above imagery and labels. `id` names their source; `layers` must not change. */
export function useFeatures(
  map: MapLibreMap | undefined,
  id: string,
  layers: readonly FeatureLayer[],
  features: FeatureCollection,
) {
  useEffect(() => {
    if (!map) return undefined;
    map.addSource(id, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
    for (const layer of layers) map.addLayer({ ...layer, source: id } as AddLayerObject);
    return () => {
      for (const layer of layers) map.removeLayer(layer.id);
      map.removeSource(id);
    };
  }, [map, id, layers]);

  useEffect(() => void map?.getSource<GeoJSONSource>(id)?.setData(features), [map, id, features]);
}
