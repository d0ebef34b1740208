/** What the page shows, as its address holds it: a link shows another person the same. */

/** A rectangle: degrees, EPSG:4326; west > east crosses the antimeridian. */
export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** A place: degrees, EPSG:4326. */
export interface Place {
  lat: number;
  lon: number;
}

export const PANELS = ['labels', 'place', 'area', 'time', 'models', 'scenes', 'picture'] as const;
export type PanelName = (typeof PANELS)[number];

/** An area that was drawn: a rectangle, or the corners of a polygon as [longitude, latitude]. */
export type Area = Bounds | [number, number][];

/** Orders of the tiles of an area; a minus is the largest or newest first. */
export const SORTS = ['-score', 'score', '-acquired', 'acquired'] as const;
export type Sort = (typeof SORTS)[number];

/** How long a period of the time line may be. */
export const INTERVALS = ['month', 'quarter', 'year'] as const;
export type Interval = (typeof INTERVALS)[number];

export interface Address {
  /** Centre and zoom of the map; without them it shows all imagery. */
  view?: Place & { zoom: number };
  panel: PanelName;
  /** The label that is painted; without it `water`, or the first of the model. */
  label?: string;
  /** The score from which a label counts, 0 to 1; without it the model's threshold. */
  cutoff?: number;
  /** How opaque the label is painted, 0 to 1; without it 0.75. */
  opacity?: number;
  /** Scenes acquired later are left out: an RFC 3339 moment. */
  at?: string;
  /** The earlier moment that `at` is compared with. */
  before?: string;
  /** Name and version of the model whose scores are shown; without it the one that is served. */
  model?: string;
  /** Another model, for the comparison. */
  other?: string;
  /** The tile that the comparison outlines. */
  tile?: { z: number; x: number; y: number };
  /** Whether the map is divided between the two models. */
  swipe?: true;
  /** The place that was clicked. */
  point?: Place;
  area?: Area;
  /** The order of the area's tiles; without it the highest score first. */
  sort?: Sort;
  /** Whether only the area's tiles with the label are listed. */
  only?: true;
  /** How long a period of the time line is; without it a month. */
  interval?: Interval;
}

const rounded = (value: number, digits: number) => String(Number(value.toFixed(digits)));
const numbers = (text: string) => text.split(/[/,]/).map(part => (part.trim() === '' ? NaN : Number(part)));

/** Write an address as the query string of a URL, without the question mark. */
export function formatAddress(address: Address): string {
  const query = new URLSearchParams();
  const { view, point, area } = address;
  if (view) query.set('map', [rounded(view.zoom, 2), rounded(view.lat, 5), rounded(view.lon, 5)].join('/'));
  if (address.panel !== 'labels') query.set('panel', address.panel);
  if (address.label !== undefined) query.set('label', address.label);
  if (address.cutoff !== undefined) query.set('cutoff', String(address.cutoff));
  if (address.opacity !== undefined) query.set('opacity', String(address.opacity));
  if (address.at !== undefined) query.set('at', address.at);
  if (address.before !== undefined) query.set('before', address.before);
  if (address.model !== undefined) query.set('model', address.model);
  if (address.other !== undefined) query.set('other', address.other);
  if (address.tile) query.set('tile', `${address.tile.z}/${address.tile.x}/${address.tile.y}`);
  if (address.swipe) query.set('swipe', 'models');
  if (point) query.set('point', `${rounded(point.lat, 6)},${rounded(point.lon, 6)}`);
  if (area) query.set('area', formatArea(area));
  if (address.sort !== undefined) query.set('sort', address.sort);
  if (address.only) query.set('only', 'true');
  if (address.interval !== undefined) query.set('interval', address.interval);
  // Slashes, commas and colons need no escape in a query, and links stay readable.
  return query.toString().replaceAll('%2F', '/').replaceAll('%2C', ',').replaceAll('%3A', ':');
}

/** Read an address from the query string of a URL; what is invalid is left out. */
export function parseAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const address: Address = { panel: PANELS.find(name => name === query.get('panel')) ?? 'labels' };
  const [zoom, lat, lon] = numbers(query.get('map') ?? '');
  if (isLatitude(lat) && isFinite(lon) && isFinite(zoom) && zoom >= 0 && zoom <= 24) {
    address.view = { zoom, lat, lon };
  }
  for (const name of ['cutoff', 'opacity'] as const) {
    const value = Number(query.get(name) || NaN);
    if (value >= 0 && value <= 1) address[name] = value;
  }
  for (const name of ['label', 'model', 'other'] as const) {
    const value = query.get(name);
    if (value) address[name] = value;
  }
  const tile = parseTile(query.get('tile') ?? '');
  if (tile) address.tile = tile;
  if (query.get('swipe') === 'models') address.swipe = true;
  for (const name of ['at', 'before'] as const) {
    const value = query.get(name);
    if (value && !isNaN(Date.parse(value))) address[name] = value;
  }
  const [pointLat, pointLon] = numbers(query.get('point') ?? '');
  if (isLatitude(pointLat) && isFinite(pointLon)) address.point = { lat: pointLat, lon: pointLon };
  const area = parseArea(query.get('area') ?? '');
  if (area) address.area = area;
  const sort = SORTS.find(name => name === query.get('sort'));
  if (sort) address.sort = sort;
  if (query.get('only') === 'true') address.only = true;
  const interval = INTERVALS.find(name => name === query.get('interval'));
  if (interval) address.interval = interval;
  return address;
}

function formatArea(area: Area): string {
  const values = Array.isArray(area) ? area.flat() : [area.west, area.south, area.east, area.north];
  return values.map(value => rounded(value, 5)).join(',');
}

/** Four numbers are a rectangle (west, south, east, north), more are pairs of a polygon. */
function parseArea(text: string): Area | undefined {
  const values = numbers(text);
  if (values.length < 4 || values.length % 2 !== 0 || !values.every(Number.isFinite)) return undefined;
  if (values.length === 4) {
    const [west, south, east, north] = values as [number, number, number, number];
    return isLatitude(south) && isLatitude(north) && south <= north
      ? { west, south, east, north }
      : undefined;
  }
  const corners: [number, number][] = [];
  for (let i = 0; i < values.length; i += 2) corners.push([values[i]!, values[i + 1]!]);
  return corners.every(([, lat]) => isLatitude(lat)) ? corners : undefined;
}

/** `z/x/y` of a tile that is in the grid. */
function parseTile(text: string): Address['tile'] {
  const [z = -1, x = -1, y = -1, ...more] = numbers(text);
  const known = more.length === 0 && [z, x, y].every(value => Number.isInteger(value) && value >= 0);
  return known && z <= 24 && x < 2 ** z && y < 2 ** z ? { z, x, y } : undefined;
}

function isFinite(value: number | undefined): value is number {
  return Number.isFinite(value);
}

function isLatitude(value: number | undefined): value is number {
  return isFinite(value) && Math.abs(value) <= 90;
}
