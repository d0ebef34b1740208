/** The labels of earthgql on a MapLibre map of one's own. */

import 'maplibre-gl/dist/maplibre-gl.css';
import './example.css';

import { Map as MapLibreMap, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';

import { labelLayer, labelSource, restyleLabels } from '../src/embed';
import { address, controls, fetchLabels } from './server';

// Browsers start workers of the page's own origin only, which the page of this example has.
setWorkerUrl(workerUrl);

const info = await fetchLabels();
const thresholds = info.labels.map(({ threshold }) => threshold);
const map = new MapLibreMap({
  container: 'map',
  bounds: info.bounds,
  style: { version: 8, sources: {}, layers: [] },
});
await map.once('load');
map.addSource('imagery', { type: 'raster', url: address('/imagery.json?format=webp'), tileSize: 256 });
map.addLayer({ id: 'imagery', type: 'raster', source: 'imagery' });
map.addSource('labels', labelSource(address('/labels.json')));
map.addLayer(labelLayer('labels', 'labels', { label: '', cutoff: 0, thresholds }));
controls(info, (label, cutoff) => restyleLabels(map, 'labels', { label, cutoff, thresholds }));
map.on('idle', () => (document.body.dataset['painted'] = 'true'));
