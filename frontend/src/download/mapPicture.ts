import type { Map as MapLibreMap } from 'maplibre-gl';

import { VIRIDIS } from '../layers/scale';
import { metresPerPixel, scaleLength } from './scaleBar';

/** What is written around the map of a picture. */
export interface Captions {
  title: string;
  /** What the colours mean. */
  legend: string;
  /** Below the left end, the middle and the right end of the scale. */
  ticks: [string, string, string];
  notClassified: string;
  /** Whom to credit. */
  attribution: string;
  length: (metres: number) => string;
}

const MARGIN = 16;
const TITLE = 48;
const FOOT = 92;
const BAR = 10;
const LEGEND_WIDTH = 220;
const SCALE_WIDTH = 120;
const HATCH_WIDTH = 30;

/** The map as it is shown, with title, legend, scale bar and attribution around it, as PNG. */
export async function mapPicture(map: MapLibreMap, captions: Captions): Promise<Blob> {
  const shown = await paintedCanvas(map);
  const [width, height] = [map.getContainer().clientWidth, map.getContainer().clientHeight];
  const ratio = shown.width / width;
  const canvas = document.createElement('canvas');
  canvas.width = shown.width;
  canvas.height = Math.round((TITLE + height + FOOT) * ratio);
  const paint = canvas.getContext('2d')!;
  const style = getComputedStyle(document.documentElement);
  const [surface, text] = [style.getPropertyValue('--surface'), style.getPropertyValue('--text')];
  paint.scale(ratio, ratio);
  paint.fillStyle = surface;
  paint.fillRect(0, 0, width, TITLE + height + FOOT);
  paint.drawImage(shown, 0, TITLE, width, height);
  paint.fillStyle = text;
  paint.strokeStyle = text;
  write(paint, captions.title, MARGIN, TITLE / 2 + 6, width - 2 * MARGIN, 'bold 17px');
  paint.save();
  paint.translate(MARGIN, TITLE + height + 22);
  drawLegend(paint, captions, text);
  const metres = metresPerPixel(map.getCenter().lat, map.getZoom());
  const scaleLeft = width - 2 * MARGIN - SCALE_WIDTH;
  const hatchLeft = LEGEND_WIDTH + 2 * MARGIN;
  if (scaleLeft > hatchLeft + SCALE_WIDTH) drawHatch(paint, hatchLeft, captions.notClassified);
  if (scaleLeft > hatchLeft) drawScale(paint, scaleLeft, metres, captions.length);
  write(paint, captions.attribution, 0, 60, width - 2 * MARGIN, '12px');
  paint.restore();
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error('the picture is too large'))),
      'image/png',
    ),
  );
}

/** A copy of the map's canvas, which holds its pixels only while it is painted. */
function paintedCanvas(map: MapLibreMap): Promise<HTMLCanvasElement> {
  return new Promise(resolve => {
    map.once('render', () => {
      const shown = map.getCanvas();
      const copy = document.createElement('canvas');
      [copy.width, copy.height] = [shown.width, shown.height];
      copy.getContext('2d')!.drawImage(shown, 0, 0);
      resolve(copy);
    });
    map.triggerRepaint();
  });
}

function drawLegend(paint: CanvasRenderingContext2D, captions: Captions, text: string) {
  write(paint, captions.legend, 0, 0, LEGEND_WIDTH, '12px');
  const gradient = paint.createLinearGradient(0, 0, LEGEND_WIDTH, 0);
  VIRIDIS.forEach((color, i) => gradient.addColorStop(i / (VIRIDIS.length - 1), color));
  paint.fillStyle = gradient;
  paint.fillRect(0, 8, LEGEND_WIDTH, BAR);
  paint.fillStyle = text;
  captions.ticks.forEach((tick, i) => {
    paint.textAlign = (['left', 'center', 'right'] as const)[i]!;
    write(paint, tick, (i * LEGEND_WIDTH) / 2, 34, LEGEND_WIDTH / 3, '12px');
  });
  paint.textAlign = 'left';
}

/** The pattern of tiles without scores, and what it means. */
function drawHatch(paint: CanvasRenderingContext2D, left: number, text: string) {
  paint.lineWidth = 1;
  paint.save();
  paint.beginPath();
  paint.rect(left, 8, HATCH_WIDTH, BAR);
  paint.stroke();
  paint.clip();
  paint.beginPath();
  for (let x = left; x < left + HATCH_WIDTH + BAR; x += 6) {
    paint.moveTo(x, 8);
    paint.lineTo(x - BAR, 8 + BAR);
  }
  paint.stroke();
  paint.restore();
  write(paint, text, left, 0, SCALE_WIDTH, '12px');
}

function drawScale(
  paint: CanvasRenderingContext2D,
  left: number,
  metresPerPx: number,
  length: Captions['length'],
) {
  const metres = scaleLength(SCALE_WIDTH * metresPerPx);
  const right = left + metres / metresPerPx;
  paint.lineWidth = 2;
  paint.beginPath();
  paint.moveTo(left, 8);
  paint.lineTo(left, 8 + BAR);
  paint.lineTo(right, 8 + BAR);
  paint.lineTo(right, 8);
  paint.stroke();
  write(paint, length(metres), left, 0, SCALE_WIDTH, '12px');
}

/** Write a line that is at most so wide, in the font of the page. */
function write(
  paint: CanvasRenderingContext2D,
  line: string,
  x: number,
  y: number,
  most: number,
  font: string,
) {
  paint.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  paint.fillText(line, x, y, most);
}
