import type { Polygon } from 'geojson';

/** A tile of the grid WebMercatorQuad; y from the north. */
export interface TileIndex {
  z: number;
  x: number;
  y: number;
}

/** The outline of a tile: degrees, EPSG:4326. */
export function tileFootprint({ z, x, y }: TileIndex): Polygon {
  const [west, east] = [longitude(x, z), longitude(x + 1, z)];
  const [north, south] = [latitude(y, z), latitude(y + 1, z)];
  return {
    type: 'Polygon',
    coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]], // prettier-ignore
  };
}

const longitude = (x: number, z: number) => (360 * x) / 2 ** z - 180;

/** The inverse of the spherical Mercator projection (EPSG:3857). */
const latitude = (y: number, z: number) =>
  (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / 2 ** z))) * 180) / Math.PI;
