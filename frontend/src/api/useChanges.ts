import { useMemo } from 'react';
import { useQuery } from 'urql';

import { comparedSpan, type Span } from '../state/dates';
import { useAddress } from '../state/useAddress';
import { useChosenLabel } from '../state/useChosenLabel';
import { useScope } from '../state/useScope';
import {
  LabelChangesDocument,
  type LabelChangesQuery,
  type LabelChangesQueryVariables,
} from './generated/graphql';
import { problemOf, type Problem } from './problem';
import { modelTitle } from './useModels';
import { useMoments } from './useMoments';

export type Changes = NonNullable<LabelChangesQuery['labelChanges']>;
export type Change = Changes['changes'][number];

/** How many places are listed and outlined; sums are over all. */
const LISTED = 500;

export interface Compared {
  /** The two moments; undefined if none are chosen, or the first is not before the second. */
  span: Span | undefined;
  variables: LabelChangesQueryVariables | undefined;
  changes: Changes | undefined;
  problem: Problem | undefined;
  fetching: boolean;
  retry: () => void;
}

/** What changed between the two moments of the address. */
export function useChanges(): Compared {
  const [{ before, at }] = useAddress();
  const { moments } = useMoments();
  const chosen = useChosenLabel();
  const scope = useScope();
  const span = useMemo(() => comparedSpan(before, at, moments ?? []), [before, at, moments]);
  const variables = useMemo((): LabelChangesQueryVariables | undefined => {
    if (!span || !chosen || !scope) return undefined;
    const { label, cutoff, model } = chosen;
    return {
      from: span.before,
      to: span.after,
      label,
      cutoff,
      model: modelTitle(model),
      first: LISTED,
      ...scope,
    };
  }, [span, chosen, scope]);
  const [{ data, error, fetching }, again] = useQuery({
    query: LabelChangesDocument,
    // Not asked while there are none.
    variables: variables ?? { from: '', to: '', label: '', first: 0 },
    pause: !variables,
  });
  return {
    span,
    variables,
    changes: variables && (data?.labelChanges ?? undefined),
    problem: error && problemOf(error),
    fetching,
    retry: () => again({ requestPolicy: 'network-only' }),
  };
}
