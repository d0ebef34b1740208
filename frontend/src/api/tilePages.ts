/** Which tiles of an area are asked for: conditions, order and page. */

import type { Sort } from '../state/address';
import type { AreaVariables } from '../state/area';
import type { AreaTilesQueryVariables, TileOrder, TileWhere } from './generated/graphql';

/** How many tiles a page has. */
export const PAGE_SIZE = 10;

/** Where a page is: behind or in front of a cursor, and the place of its first row, from 0. */
export interface TilePage {
  after?: string;
  before?: string;
  start: number;
}

export const FIRST_PAGE: TilePage = { start: 0 };

interface Chosen {
  label: string;
  cutoff: number;
}

/** Classified tiles, or only those that have the label from the cutoff on. */
export function tileWhere({ label, cutoff }: Chosen, only: boolean): TileWhere {
  return { classified: true, ...(only && { labels: { all: [{ label, minScore: cutoff }] } }) };
}

/** How the table is sorted. */
export function tileOrder(sort: Sort, label: string): TileOrder {
  const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
  return sort.endsWith('score') ? { label, direction } : { by: 'ACQUIRED', direction };
}

/** What a press on a column's heading sorts by: its largest first, then its smallest. */
export function nextSort(sort: Sort, column: 'score' | 'acquired'): Sort {
  return sort === `-${column}` ? column : `-${column}`;
}

/** What `aria-sort` says of a column. */
export function sortState(sort: Sort, column: 'score' | 'acquired'): 'ascending' | 'descending' | 'none' {
  if (sort === column) return 'ascending';
  return sort === `-${column}` ? 'descending' : 'none';
}

interface Asked {
  area: AreaVariables;
  chosen: Chosen;
  sort: Sort;
  only: boolean;
  model: string;
  at?: string | undefined;
}

/** The variables of `AreaTiles` for a page. */
export function tileVariables(
  { area, chosen, sort, only, model, at }: Asked,
  { after, before }: TilePage,
): AreaTilesQueryVariables {
  const { bounds, polygon } = area;
  return {
    ...(bounds && { bounds }),
    where: { ...tileWhere(chosen, only), ...(polygon && { within: polygon }) },
    orderBy: tileOrder(sort, chosen.label),
    model,
    cutoffs: [{ label: chosen.label, cutoff: 0 }],
    ...(at !== undefined && { at }),
    ...(before === undefined ? { first: PAGE_SIZE } : { last: PAGE_SIZE, before }),
    ...(after !== undefined && { after }),
  };
}
