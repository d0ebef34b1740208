import { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';

import { baseStyle, DARK, LIGHT } from '../layers/base';
import type { ChosenLabel } from '../state/useChosenLabel';
import { useMap } from './MapProvider';
import { showLand } from './showLand';
import { SwipeHandle } from './SwipeHandle';
import { useImagery } from './useImagery';
import { FAINT, useLabels } from './useLabels';
import { useTheme } from './useTheme';

/** What the left half of a divided map shows. */
export interface LeftSide {
  /** Without scenes acquired later. */
  at?: string | undefined;
  /** The label, its cutoff and the model. */
  chosen: ChosenLabel | undefined;
}

interface Props {
  left: LeftSide;
  /** What is left and right of the divider. */
  names: [string, string];
  /** What is put on the left map besides, such as outlines. */
  children?: (map: MapLibreMap) => ReactNode;
}

/**
 * Divide the map: another one, of the same place, lies over its left part.
 *
 * The one on top is a picture only: pointer and keyboard go to the page's own map below it, which it
 * follows.
 */
export function Swipe({ left, names, children }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(0.5);
  const map = useFollower(container);
  useTheme(map);
  useImagery(map, left.at);
  useLabels(map, left.chosen, left.at, FAINT);
  return (
    <>
      <div className="swipe" style={{ clipPath: `inset(0 ${100 - 100 * share}% 0 0)` }} aria-hidden>
        <div ref={container} className="map" />
      </div>
      {map && children?.(map)}
      <SwipeHandle share={share} setShare={setShare} names={names} />
    </>
  );
}

/** A map in a container that shows the same place as the page's map. */
function useFollower(container: RefObject<HTMLDivElement | null>): MapLibreMap | undefined {
  const { map: leader } = useMap();
  const [follower, setFollower] = useState<MapLibreMap>();
  useEffect(() => {
    if (!leader) return undefined;
    const made = new MapLibreMap({
      container: container.current!,
      style: baseStyle(matchMedia('(prefers-color-scheme: dark)').matches ? DARK : LIGHT),
      ...cameraOf(leader),
      maxZoom: leader.getMaxZoom(),
      attributionControl: false,
      interactive: false,
    });
    showLand(made);
    const follow = () => made.jumpTo(cameraOf(leader));
    leader.on('move', follow);
    made.once('load', () => {
      follow();
      setFollower(made);
    });
    return () => {
      leader.off('move', follow);
      setFollower(undefined);
      // Hooks that put layers on the map take them away first.
      queueMicrotask(() => made.remove());
    };
  }, [leader, container]);
  return follower;
}

function cameraOf(map: MapLibreMap) {
  return { center: map.getCenter(), zoom: map.getZoom(), bearing: map.getBearing(), pitch: map.getPitch() };
}
