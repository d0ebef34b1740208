import { VectorTile, type VectorTileFeature } from '@mapbox/vector-tile';
import * as L from 'leaflet';
import { PbfReader } from 'pbf';

import { labelPaint, SOURCE_LAYER, type LabelStyle } from '../src/embed';

/** A Leaflet layer that paints label tiles; label and cutoff change without a request. */
export class LabelGrid extends L.GridLayer {
  #style: LabelStyle = { label: '', cutoff: 0, thresholds: [] };
  readonly #tiles = new Map<HTMLCanvasElement, VectorTileFeature[]>();

  constructor(
    /** With {z}, {x} and {y}. */
    private readonly template: string,
    options: L.GridLayerOptions,
  ) {
    super(options);
    this.on('tileunload', ({ tile }: L.TileEvent) =>
      this.#tiles.delete(tile as unknown as HTMLCanvasElement),
    );
  }

  /** Paint another label or cutoff. */
  restyle(style: LabelStyle) {
    this.#style = style;
    for (const [canvas, features] of this.#tiles) paint(canvas, features, style);
  }

  override createTile({ x, y, z }: L.Coords, done: L.DoneCallback): HTMLElement {
    const canvas = document.createElement('canvas');
    const { x: width, y: height } = this.getTileSize();
    [canvas.width, canvas.height] = [width, height];
    fetchFeatures(L.Util.template(this.template, { x, y, z })).then(
      features => {
        this.#tiles.set(canvas, features);
        paint(canvas, features, this.#style);
        done(undefined, canvas);
      },
      (error: unknown) => done(error as Error, canvas),
    );
    return canvas;
  }
}

async function fetchFeatures(url: string): Promise<VectorTileFeature[]> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const layer = new VectorTile(new PbfReader(await response.arrayBuffer())).layers[SOURCE_LAYER];
  return Array.from({ length: layer?.length ?? 0 }, (_, i) => layer!.feature(i));
}

function paint(canvas: HTMLCanvasElement, features: VectorTileFeature[], style: LabelStyle) {
  const context = canvas.getContext('2d')!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const feature of features) {
    const color = labelPaint(feature.properties, style);
    if (color === undefined) continue;
    const scale = canvas.width / feature.extent;
    // Features are squares along the axes.
    const [left, top, right, bottom] = feature.bbox() as [number, number, number, number];
    context.fillStyle = color;
    context.fillRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  }
}
