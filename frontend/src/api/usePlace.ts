import { useMemo } from 'react';
import { useQuery } from 'urql';

import { useJob } from '../jobs/JobProvider';
import { useAddress } from '../state/useAddress';
import {
  ClassifyPointDocument,
  StoredScoresDocument,
  type ClassifyPointQuery,
  type ClassifyPointQueryVariables,
  type StoredScoresQueryVariables,
} from './generated/graphql';
import { boundsAround, countNeighbours, type Neighbours } from './neighbours';
import { problemOf, type Problem } from './problem';

export type PlaceClassification = NonNullable<ClassifyPointQuery['classifyPoint']>;

interface PlaceState {
  /** What applies at the place; null if there is no tile, undefined while nothing is known yet. */
  classification: PlaceClassification | null | undefined;
  loading: boolean;
  problem: Problem | undefined;
  retry: () => void;
  variables: ClassifyPointQueryVariables;
}

/** Which labels apply at the place of the address, classified now if need be. */
export function usePlace(): PlaceState {
  const [{ point, at, model }] = useAddress();
  const variables = useMemo(() => {
    const place = point ?? { lat: 0, lon: 0 };
    const wanted: ClassifyPointQueryVariables = { ...place, cutoff: 0 };
    if (at !== undefined) wanted.at = at;
    if (model !== undefined) wanted.model = model;
    return wanted;
  }, [point, at, model]);
  const [{ data, error, fetching }, ask] = useQuery({
    query: ClassifyPointDocument,
    variables,
    pause: !point,
  });
  return {
    classification: point && data?.classifyPoint,
    loading: fetching,
    problem: error && problemOf(error),
    retry: () => ask({ requestPolicy: 'network-only' }),
    variables,
  };
}

/** How many neighbours of a classified tile have each label, from stored scores. */
export function useNeighbours(
  classification: PlaceClassification | null | undefined,
  cutoffOf: (label: string) => number,
): Neighbours | undefined {
  const [{ at, model }] = useAddress();
  const { scoresRevision } = useJob();
  const tile = classification?.tile;
  const variables = useMemo(() => {
    const whole = { west: 0, south: 0, east: 0, north: 0 };
    const wanted: StoredScoresQueryVariables = {
      bounds: tile ? boundsAround(tile) : whole,
      zoom: tile?.z ?? 0,
    };
    if (at !== undefined) wanted.at = at;
    if (model !== undefined) wanted.model = model;
    return wanted;
  }, [tile, at, model]);
  const context = useMemo(
    () => ({ requestPolicy: 'cache-and-network' as const, scoresRevision }),
    [scoresRevision],
  );
  const [{ data, fetching }] = useQuery({ query: StoredScoresDocument, variables, context, pause: !tile });
  // While others are loaded, those of before are of another place.
  const columns = fetching ? undefined : data?.viewport;
  return useMemo(
    () => (tile && columns ? countNeighbours(tile, columns, cutoffOf) : undefined),
    [tile, columns, cutoffOf],
  );
}
