import { useMemo, useState } from 'react';
import { useQuery } from 'urql';

import { useJob } from '../jobs/JobProvider';
import type { Area } from '../state/address';
import { areaVariables } from '../state/area';
import { useAddress } from '../state/useAddress';
import type { ChosenLabel } from '../state/useChosenLabel';
import { AreaTilesDocument, type AreaTilesQuery, type AreaTilesQueryVariables } from './generated/graphql';
import { problemOf, type Problem } from './problem';
import { FIRST_PAGE, PAGE_SIZE, tileVariables, type TilePage } from './tilePages';
import { modelTitle } from './useModels';

export type AreaTiles = NonNullable<AreaTilesQuery['tilesInBounds']>;
export type AreaTile = AreaTiles['nodes'][number];

export interface AreaTilesState {
  tiles: AreaTiles | undefined;
  /** The place of the page's first row, from 0. */
  start: number;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
  variables: AreaTilesQueryVariables;
  fetching: boolean;
  problem: Problem | undefined;
  retry: () => void;
}

/** A page of the classified tiles of an area, in the order of the address. */
export function useAreaTiles(area: Area, chosen: ChosenLabel): AreaTilesState {
  const [{ at, sort = '-score', only = false }] = useAddress();
  const { scoresRevision } = useJob();
  const asked = useMemo(
    () => ({ area: areaVariables(area), chosen, sort, only, model: modelTitle(chosen.model), at }),
    [area, chosen, sort, only, at],
  );
  // A page is one of a list: of another list the first page is shown.
  const [turned, setTurned] = useState<{ list: object; page: TilePage }>();
  const page = turned?.list === asked ? turned.page : FIRST_PAGE;
  const variables = useMemo(() => tileVariables(asked, page), [asked, page]);
  const context = useMemo(
    () => ({ requestPolicy: 'cache-and-network' as const, scoresRevision }),
    [scoresRevision],
  );
  const [{ data, error, fetching }, again] = useQuery({ query: AreaTilesDocument, variables, context });
  const tiles = data?.tilesInBounds ?? undefined;
  const { startCursor, endCursor, hasNextPage, hasPreviousPage } = tiles?.pageInfo ?? {};
  const turn = (to: TilePage) => setTurned({ list: asked, page: to });
  return {
    tiles,
    start: page.start,
    next:
      hasNextPage && endCursor ? () => turn({ after: endCursor, start: page.start + PAGE_SIZE }) : undefined,
    previous:
      hasPreviousPage && startCursor
        ? () => turn({ before: startCursor, start: Math.max(page.start - PAGE_SIZE, 0) })
        : undefined,
    variables,
    fetching,
    problem: error && problemOf(error),
    retry: () => again({ requestPolicy: 'network-only' }),
  };
}
