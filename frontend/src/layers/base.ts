import type { FeatureCollection, LineString } from 'geojson';
import type { StyleSpecification } from 'maplibre-gl';
import type { Topology } from 'topojson-specification';

import landUrl from 'world-atlas/land-50m.json?url';

/** Colours of the base, by what the reader prefers. */
export interface BaseColors {
  sea: string;
  land: string;
  line: string;
}

export const LIGHT: BaseColors = { sea: '#dfe7ec', land: '#f4f3ef', line: '#8ea0ad' };
export const DARK: BaseColors = { sea: '#10171c', land: '#1b2429', line: '#4d606d' };

/** A layer that shows nothing: imagery and labels are below it, outlines of what was drawn or found above. */
export const OUTLINES = 'outlines';

const GRATICULES = [
  { step: 30, minzoom: 0, maxzoom: 3 },
  { step: 10, minzoom: 3, maxzoom: 24 },
] as const;

/** The style under all layers: sea, land and a graticule. */
export function baseStyle(colors: BaseColors): StyleSpecification {
  return {
    version: 8,
    sources: {
      land: { type: 'geojson', data: EMPTY, attribution: 'Coastlines: Natural Earth', maxzoom: 6 },
      ...Object.fromEntries(
        GRATICULES.map(({ step }) => [`graticule-${step}`, { type: 'geojson', data: graticule(step) }]),
      ),
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': colors.sea } },
      { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': colors.land } },
      ...GRATICULES.map(({ step, minzoom, maxzoom }) => ({
        id: `graticule-${step}`,
        type: 'line' as const,
        source: `graticule-${step}`,
        minzoom,
        maxzoom,
        paint: { 'line-color': colors.line, 'line-opacity': 0.35, 'line-width': 0.6 },
      })),
      {
        id: 'coast',
        type: 'line',
        source: 'land',
        paint: { 'line-color': colors.line, 'line-width': 0.8 },
      },
      { id: OUTLINES, type: 'background', layout: { visibility: 'none' } },
    ],
  };
}

const EMPTY: FeatureCollection = { type: 'FeatureCollection', features: [] };

/** The land of the world (Natural Earth, 1 : 50 million), which the page's own server sends. */
export async function fetchLand(): Promise<FeatureCollection> {
  const [{ feature }, response] = await Promise.all([import('topojson-client'), fetch(landUrl)]);
  const topology = (await response.json()) as Topology;
  return feature(topology, topology.objects['land']!) as FeatureCollection;
}

/** Meridians and parallels every so many degrees. */
function graticule(step: number): FeatureCollection<LineString> {
  const lines: [number, number][][] = [];
  for (let lon = -180; lon <= 180; lon += step) lines.push([[lon, -85], [lon, 85]]); // prettier-ignore
  for (let lat = -80 - (-80 % step); lat <= 85; lat += step) lines.push([[-180, lat], [180, lat]]); // prettier-ignore
  return {
    type: 'FeatureCollection',
    features: lines.map(coordinates => ({
      type: 'Feature',
      properties: {},
      geometry: { type: 'LineString', coordinates },
    })),
  };
}
