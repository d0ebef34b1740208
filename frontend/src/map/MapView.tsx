import 'maplibre-gl/dist/maplibre-gl.css';

import {
  AttributionControl,
  Map as MapLibreMap,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { useEffect, useRef } from 'react';

import { apiUrl } from '../api/client';
import { baseStyle, DARK, LIGHT } from '../layers/base';
import { addressNow, changeAddress, onBack, useAddress } from '../state/useAddress';
import { useComparing } from '../state/useComparing';
import { useChosenLabel } from '../state/useChosenLabel';
import { useWording } from '../texts';
import { useMap } from './MapProvider';
import { Crosshair } from './Crosshair';
import { useClicks } from './useClicks';
import { useControlTexts } from './useControlTexts';
import { showLand } from './showLand';
import { useAreaOutline } from './useAreaOutline';
import { useImagery } from './useImagery';
import { FAINT, useLabels } from './useLabels';
import { useTheme } from './useTheme';

setWorkerUrl(workerUrl);

/** The map with imagery and the label that is chosen. */
export function MapView() {
  const container = useRef<HTMLDivElement>(null);
  const { texts } = useWording();
  const { map, setMap } = useMap();
  const [{ area, at }] = useAddress();
  const comparing = useComparing();

  useEffect(() => {
    const made = makeMap(container.current!);
    made.once('load', () => setMap(made));
    return () => {
      setMap(undefined);
      made.remove();
    };
  }, [setMap]);

  useEffect(
    () => map && onBack(({ view }) => view && map.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom })),
    [map],
  );
  useControlTexts(map, texts.map);
  useTheme(map);
  useClicks(map);
  useImagery(map, at);
  useAreaOutline(map, area);
  useLabels(map, useChosenLabel(), at, comparing ? FAINT : undefined);
  return (
    <>
      <div ref={container} className="map" />
      <Crosshair />
    </>
  );
}

function makeMap(container: HTMLElement): MapLibreMap {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const { view } = addressNow();
  const map = new MapLibreMap({
    container,
    style: baseStyle(dark ? DARK : LIGHT),
    center: view ? [view.lon, view.lat] : [0, 20],
    zoom: view?.zoom ?? 1,
    maxZoom: 22,
    attributionControl: false,
    fadeDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 150,
  });
  map.addControl(new NavigationControl({ visualizePitch: false }), 'top-right');
  map.addControl(new ScaleControl({ unit: 'metric' }), 'bottom-left');
  map.addControl(new AttributionControl({ compact: true }), 'bottom-right');
  map.dragRotate.disable();
  map.touchZoomRotate.disableRotation();
  map.on('moveend', () => {
    const { lat, lng } = map.getCenter().wrap();
    changeAddress({ view: { lat, lon: lng, zoom: map.getZoom() } }, { replace: true });
  });
  showLand(map);
  map.once('load', () => {
    // On a small screen whom to credit is one press away, else it lies over the map.
    if (container.clientWidth < 640)
      container.querySelector('.maplibregl-ctrl-attrib')?.removeAttribute('open');
    if (!view) void showAll(map);
  });
  return map;
}

/** Fly to all imagery there is. */
async function showAll(map: MapLibreMap) {
  const response = await fetch(apiUrl('/imagery.json'));
  if (!response.ok) return;
  const { bounds, maxzoom } = (await response.json()) as {
    bounds: [number, number, number, number];
    maxzoom: number;
  };
  if (maxzoom > 0) map.fitBounds(bounds, { padding: 40, animate: false });
}
