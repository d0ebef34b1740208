import type { Feature } from 'geojson';
import { useMemo } from 'react';

import type { FeatureLayer } from '../layers/outlines';
import { useMap } from '../map/MapProvider';
import { useFeatures } from '../map/useFeatures';
import { outline } from './extent';
import type { Scene } from './SceneCard';

const layer = (id: string, color: string, width: number): FeatureLayer => ({
  id,
  type: 'line',
  layout: { 'line-join': 'round' },
  paint: { 'line-color': color, 'line-width': width },
});
// White on black is seen on all imagery.
const LAYERS = [layer('scene-casing', '#000000', 6), layer('scene-outline', '#ffffff', 3)];

/** Show on the map where a scene is. */
export function useSceneOutline(scene: Scene | undefined) {
  const { map } = useMap();
  const features = useMemo(() => {
    const shown: Feature[] = scene ? [outline(scene.bounds)] : [];
    return { type: 'FeatureCollection' as const, features: shown };
  }, [scene]);
  useFeatures(map, 'scene', LAYERS, features);
}
