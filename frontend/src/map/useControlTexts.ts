import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'react';

import type { Texts } from '../texts/en';

const PARTS: Record<keyof Texts['map'], string> = {
  canvas: 'canvas',
  zoomIn: '.maplibregl-ctrl-zoom-in',
  zoomOut: '.maplibregl-ctrl-zoom-out',
  north: '.maplibregl-ctrl-compass',
  attribution: '.maplibregl-ctrl-attrib-button',
};

/**
 * Name the map and its buttons in the reader's language.
 *
 * MapLibre takes such texts once, when a map is made; they change when another language is chosen.
 */
export function useControlTexts(map: MapLibreMap | undefined, texts: Texts['map']) {
  useEffect(() => {
    for (const [name, part] of Object.entries(PARTS)) {
      const text = texts[name as keyof Texts['map']];
      const element = map?.getContainer().querySelector(part);
      element?.setAttribute('aria-label', text);
      if (name !== 'canvas') element?.setAttribute('title', text);
    }
  }, [map, texts]);
}
