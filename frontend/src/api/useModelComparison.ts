import { useMemo } from 'react';
import { useQuery } from 'urql';

import { useJob } from '../jobs/JobProvider';
import { useMap } from '../map/MapProvider';
import { useAddress } from '../state/useAddress';
import { useDebounced } from '../state/useDebounced';
import type { TwoModels } from '../state/useTwoModels';
import {
  ModelComparisonDocument,
  type ModelComparisonQuery,
  type ModelComparisonQueryVariables,
} from './generated/graphql';
import { problemOf, type Problem } from './problem';
import { modelTitle } from './useModels';

export type Comparison = NonNullable<ModelComparisonQuery['modelComparison']>;

interface ComparisonState {
  /** The last that was answered: while another is loaded, that of before. */
  comparison: Comparison | undefined;
  outdated: boolean;
  problem: Problem | undefined;
  retry: () => void;
  variables: ModelComparisonQueryVariables | undefined;
}

/** How far two models agree on what the map shows, once it has been at rest for a moment. */
export function useModelComparison({ a, b }: TwoModels): ComparisonState {
  const { listed } = useMap();
  const [{ at }] = useAddress();
  const { scoresRevision } = useJob();
  const wanted = useMemo(() => {
    if (!listed) return undefined;
    const variables = { a: modelTitle(a), b: modelTitle(b), bounds: listed };
    return at === undefined ? variables : { ...variables, at };
  }, [a, b, listed, at]);
  const variables = useDebounced(wanted);
  const context = useMemo(
    () => ({ requestPolicy: 'cache-and-network' as const, scoresRevision }),
    [scoresRevision],
  );
  const [{ data, error, fetching }, ask] = useQuery({
    query: ModelComparisonDocument,
    variables: variables ?? NOWHERE,
    context,
    pause: !variables,
  });
  return {
    comparison: data?.modelComparison ?? undefined,
    outdated: fetching || variables !== wanted,
    problem: error && problemOf(error),
    retry: () => ask({ requestPolicy: 'network-only' }),
    variables,
  };
}

/** Never sent: without a view the query is paused. */
const NOWHERE: ModelComparisonQueryVariables = {
  a: '',
  b: '',
  bounds: { west: 0, south: 0, east: 0, north: 0 },
};
