import { useMemo } from 'react';
import { useQuery } from 'urql';

import { useJob } from '../jobs/JobProvider';
import { useMap } from '../map/MapProvider';
import type { AreaVariables } from '../state/area';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useDebounced } from '../state/useDebounced';
import {
  LabelHistogramDocument,
  type LabelHistogramQuery,
  type LabelHistogramQueryVariables,
} from './generated/graphql';
import { problemOf, type Problem } from './problem';
import { modelTitle } from './useModels';

export type Histogram = NonNullable<LabelHistogramQuery['labelHistogram']>;

interface HistogramState {
  /** The last that was answered: while another is loaded, that of before. */
  histogram: Histogram | undefined;
  /** Whether it is of another view, cutoff or model than is shown now. */
  outdated: boolean;
  problem: Problem | undefined;
  retry: () => void;
  variables: LabelHistogramQueryVariables;
}

/**
 * The labels of an area, or else of what the map shows.
 *
 * Asked once the map has been at rest for a moment; older requests are aborted.
 */
export function useHistogram(area?: AreaVariables): HistogramState {
  const { view } = useMap();
  const [{ at, cutoff }] = useAddress();
  const { scoresRevision } = useJob();
  const chosen = useChosenLabel();
  const wanted = useMemo(() => {
    const variables: LabelHistogramQueryVariables = area ? { ...area } : { bounds: view };
    if (at !== undefined) variables.at = at;
    if (chosen) variables.model = modelTitle(chosen.model);
    if (chosen && cutoff !== undefined) variables.cutoffs = [{ label: chosen.label, cutoff: chosen.cutoff }];
    return variables;
  }, [area, view, at, cutoff, chosen]);
  const variables = useDebounced(wanted);
  // A context of its own for each revision: stored scores have changed, so the same is asked again.
  const context = useMemo(
    () => ({ requestPolicy: 'cache-and-network' as const, scoresRevision }),
    [scoresRevision],
  );
  const [{ data, error, fetching }, ask] = useQuery({
    query: LabelHistogramDocument,
    variables,
    context,
    pause: (!variables.bounds && !variables.polygon) || variables.model === undefined,
  });
  return {
    histogram: data?.labelHistogram ?? undefined,
    outdated: fetching || variables !== wanted,
    problem: error && problemOf(error),
    retry: () => ask({ requestPolicy: 'network-only' }),
    variables,
  };
}
