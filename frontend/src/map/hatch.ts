/** A pattern of thin diagonal lines, light with a dark edge: seen on bright and dark ground alike. */
export function hatchPattern(size = 16): ImageData {
  const pattern = new ImageData(size, size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const distance = (x + y) % size;
      const shade = distance < 1 ? 255 : distance < 2 ? 0 : undefined;
      if (shade !== undefined) pattern.data.set([shade, shade, shade, 150], 4 * (y * size + x));
    }
  }
  return pattern;
}
