/** What the squares of label tiles stand for: tiles, cells of many tiles, both, or there are none. */
export type LabelDetail = 'none' | 'tiles' | 'cells' | 'both';

/** What is among features of label tiles. */
export function detailOf(features: Iterable<{ properties: Record<string, unknown> }>): LabelDetail {
  let [tiles, cells] = [false, false];
  for (const { properties } of features) {
    if (Number(properties['tiles']) > 1) cells = true;
    else tiles = true;
    if (tiles && cells) return 'both';
  }
  return tiles ? 'tiles' : cells ? 'cells' : 'none';
}
