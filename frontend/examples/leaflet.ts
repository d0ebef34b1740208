/** The labels of earthgql on a Leaflet map of one's own. */

import 'leaflet/dist/leaflet.css';
import './example.css';

import * as L from 'leaflet';

import { LabelGrid } from './LabelGrid';
import { address, controls, fetchLabels } from './server';

const info = await fetchLabels();
const thresholds = info.labels.map(({ threshold }) => threshold);
const [west, south, east, north] = info.bounds;
const map = L.map('map', { maxZoom: 20 }).fitBounds([
  [south, west],
  [north, east],
]);
L.tileLayer(address('/imagery/{z}/{x}/{y}.webp'), { maxZoom: 20, attribution: info.attribution ?? '' }).addTo(
  map,
);
const grid = new LabelGrid(address('/labels/{z}/{x}/{y}.mvt'), {
  minZoom: info.minzoom,
  maxZoom: 20,
  opacity: 0.75,
});
controls(info, (label, cutoff) => grid.restyle({ label, cutoff, thresholds }));
grid.on('load', () => (document.body.dataset['painted'] = 'true'));
grid.addTo(map);
