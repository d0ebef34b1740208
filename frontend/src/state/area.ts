/** Areas as the API, the map and exports take them. */

import type { Polygon } from 'geojson';

import type { Area, Bounds } from './address';

type Corner = [number, number];

/** The arguments of the API that name an area. */
export type AreaVariables =
  { bounds: Bounds; polygon?: undefined } | { bounds?: undefined; polygon: Polygon };

/** An area as the arguments `bounds` or `polygon`. */
export function areaVariables(area: Area): AreaVariables {
  if (!Array.isArray(area)) return { bounds: area };
  return { polygon: { type: 'Polygon', coordinates: [areaRing(area)] } };
}

/** The outline: a closed ring of [longitude, latitude]; longitudes run on where it crosses 180. */
export function areaRing(area: Area): Corner[] {
  const corners = Array.isArray(area) ? area : cornersOf(area);
  return [...corners, corners[0]!];
}

function cornersOf({ west, south, east, north }: Bounds): Corner[] {
  const right = east < west ? east + 360 : east;
  return [
    [west, south],
    [right, south],
    [right, north],
    [west, north],
  ];
}

/** The rectangle around an area; its east is never below its west. */
export function areaBounds(area: Area): Bounds {
  const ring = areaRing(area);
  const lons = ring.map(([lon]) => lon);
  const lats = ring.map(([, lat]) => lat);
  return {
    west: Math.min(...lons),
    south: Math.min(...lats),
    east: Math.max(...lons),
    north: Math.max(...lats),
  };
}

/** The area of a ring that was drawn, to five decimals (about a metre), at most a turn from 0. */
export function areaOfRing(ring: readonly (readonly number[])[], shape: 'rectangle' | 'polygon'): Area {
  const corners = ring.slice(0, -1).map(([lon, lat]): Corner => [lon!, lat!]);
  const { west, south, east, north } = areaBounds(corners);
  const turn = 360 * Math.round((west + east) / 720);
  const rounded = (value: number) => Number(value.toFixed(5));
  return shape === 'rectangle'
    ? { west: rounded(west - turn), south: rounded(south), east: rounded(east - turn), north: rounded(north) }
    : corners.map(([lon, lat]): Corner => [rounded(lon - turn), rounded(lat)]);
}

/** Whether an area lies within one turn of the world: not across the antimeridian. */
export function withinTurn(area: Area): boolean {
  const { west, east } = areaBounds(area);
  return west >= -180 && east <= 180;
}

/** Whether two bounds share area; longitudes may be a turn apart. */
export function overlap(a: Bounds, b: Bounds): boolean {
  if (a.south >= b.north || b.south >= a.north) return false;
  const [first, second] = [areaBounds(a), areaBounds(b)];
  return [-720, -360, 0, 360, 720].some(
    turn => first.west < second.east + turn && second.west + turn < first.east,
  );
}
