import type { Feature, Polygon } from 'geojson';

import { areaRing } from '../state/area';
import type { Bounds } from '../state/address';

/** Radius of the sphere that has the area of the WGS 84 ellipsoid (EPSG Guidance Note 7-2), km. */
const AUTHALIC_KM = 6371.0072;

/** The area of a rectangle in degrees, in km²; on the authalic sphere, within 0.5 % of the ellipsoid's. */
export function areaKm2({ west, south, east, north }: Bounds): number {
  const radians = Math.PI / 180;
  const width = ((east < west ? east + 360 : east) - west) * radians;
  return AUTHALIC_KM ** 2 * width * (Math.sin(north * radians) - Math.sin(south * radians));
}

/** A rectangle as a feature. */
export function outline(bounds: Bounds): Feature<Polygon> {
  return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [areaRing(bounds)] } };
}
