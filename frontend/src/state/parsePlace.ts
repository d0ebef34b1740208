import type { Place } from './address';

const NUMBER = String.raw`[-+]?\d+(?:[.,]\d+)?`;
// The letter of a direction stands before the number or behind it.
const PART = String.raw`(?:([nswelo])\s*(${NUMBER})\s*°?|(${NUMBER})\s*°?\s*([nswelo])?)`;
const SPACED = new RegExp(String.raw`^${PART}(?:\s*;\s*|\s*,\s+|\s+)${PART}$`, 'i');
const BY_COMMA = new RegExp(`^${PART},${PART}$`.replaceAll('[.,]', '[.]'), 'i');

/**
 * Read latitude and longitude in decimal degrees as people write them, or undefined.
 *
 * `-3.13, -54.87`, `3.13 S 54.87 W` (or Portuguese `L` and `O`), `-3,13; -54,87`.
 */
export function parsePlace(text: string): Place | undefined {
  const tidy = text
    .trim()
    .replaceAll('−', '-')
    .replace(/^\((.*)\)$/, '$1');
  const match = BY_COMMA.exec(tidy) ?? SPACED.exec(tidy);
  if (!match) return undefined;
  const first = readPart(match.slice(1, 5));
  const second = readPart(match.slice(5, 9));
  const swapped = first.axis === 'lon' || second.axis === 'lat';
  if (first.axis !== undefined && first.axis === second.axis) return undefined;
  const [lat, lon] = swapped ? [second.value, first.value] : [first.value, second.value];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 540 ? { lat, lon: wrapLongitude(lon) } : undefined;
}

/** A longitude of a map panned round the world, from −180 to 180. */
export function wrapLongitude(lon: number): number {
  return lon >= -180 && lon <= 180 ? lon : ((((lon + 180) % 360) + 360) % 360) - 180;
}

const AXIS: Record<string, ['lat' | 'lon', number]> = {
  N: ['lat', 1],
  S: ['lat', -1],
  E: ['lon', 1],
  L: ['lon', 1],
  W: ['lon', -1],
  O: ['lon', -1],
};

function readPart(groups: (string | undefined)[]): { value: number; axis?: 'lat' | 'lon' } {
  const [before, digitsBehind, digits, behind] = groups;
  const value = Number((digitsBehind ?? digits ?? '').replace(',', '.'));
  const direction = AXIS[(before ?? behind ?? '').toUpperCase()];
  return direction ? { value: value * direction[1], axis: direction[0] } : { value };
}
