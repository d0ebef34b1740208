/** Length of the equator, which Web Mercator maps are as wide as, in metres. */
const EQUATOR_M = 2 * Math.PI * 6378137;
/** Width of the world at zoom 0 in MapLibre, in CSS pixels. */
const WORLD_PX = 512;

/** Metres of ground that a CSS pixel shows at a latitude. */
export function metresPerPixel(lat: number, zoom: number): number {
  return (EQUATOR_M * Math.cos((lat * Math.PI) / 180)) / (WORLD_PX * 2 ** zoom);
}

/** The longest length of 1, 2 or 5 times a power of ten metres that fits in so many metres. */
export function scaleLength(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([5, 2].find(factor => factor * power <= most) ?? 1);
}
