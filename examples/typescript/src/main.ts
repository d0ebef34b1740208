/**
 * Count what is in a viewport: how many of its tiles have each label.
 *
 *     npm ci && npm run build
 *     npm start -- http://127.0.0.1:8000 -54.95 -3.10 -54.90 -3.06
 */
import { ask, EarthGQLError } from './earthgql.js';
import { graphql } from './generated/index.js';
import type { BoundsInput, LabelsInViewQuery } from './generated/graphql.js';

const LABELS_IN_VIEW = graphql(`
  query LabelsInView($bounds: BoundsInput!, $after: String) {
    viewport(bounds: $bounds, first: 1000, after: $after) {
      model { thresholds }
      labels
      scores
      tilesClassified
      pageInfo { hasNextPage endCursor }
    }
  }
`);

type Page = NonNullable<LabelsInViewQuery['viewport']>;

const NO_SCORE = 65535;

/** Add the tiles of a page to the count of each label. */
function count({ labels, model, scores }: Page, tiles: Map<string, number>): void {
  const bytes = Uint8Array.from(Buffer.from(scores, 'base64'));
  const numbers = new Uint16Array(bytes.buffer);
  numbers.forEach((number, place) => {
    const label = labels[place % labels.length];
    const threshold = model.thresholds[place % labels.length];
    if (label === undefined || threshold === undefined || number === NO_SCORE) return;
    if (number / 65534 >= threshold) tiles.set(label, (tiles.get(label) ?? 0) + 1);
  });
}

async function countLabels(server: string, bounds: BoundsInput) {
  const tiles = new Map<string, number>();
  let classified = 0;
  let after: string | null | undefined;
  do {
    const { viewport } = await ask(server, LABELS_IN_VIEW, { bounds, after });
    if (!viewport) break;
    count(viewport, tiles);
    classified += viewport.tilesClassified;
    after = viewport.pageInfo.hasNextPage ? viewport.pageInfo.endCursor : null;
  } while (after);
  return { classified, tiles };
}

const [server = 'http://127.0.0.1:8000', ...corners] = process.argv.slice(2);
const [west = -54.95, south = -3.1, east = -54.9, north = -3.06] = corners.map(Number);
try {
  const { classified, tiles } = await countLabels(server, { west, south, east, north });
  console.log(`${classified} tiles`);
  for (const [label, found] of [...tiles].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(found).padStart(6)}  ${label}`);
  }
} catch (error) {
  if (!(error instanceof EarthGQLError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
