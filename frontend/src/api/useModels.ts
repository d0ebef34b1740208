import { useMemo } from 'react';
import { useQuery } from 'urql';

import { useAddress } from '../state/useAddress';
import { ServedModelDocument } from './generated/graphql';
import { problemOf, type Problem } from './problem';

/** A model, as the page needs it. */
export interface Model {
  name: string;
  version: string;
  labels: string[];
  /** Per label, in the same order. */
  thresholds: number[];
}

/** What `model:` arguments and addresses call a model. */
export const modelTitle = ({ name, version }: Model) => `${name} ${version}`;

export interface Models {
  /** All that have scores, oldest first. */
  models: Model[];
  /** The one that the server runs: it alone can classify what has no scores yet. */
  served: Model | undefined;
  /** The one that is shown. */
  model: Model | undefined;
  problem: Problem | undefined;
  retry: () => void;
}

/** The models that have scores, the one that is shown, and what kept them from being found. */
export function useModels(): Models {
  const [{ data, error }, ask] = useQuery({ query: ServedModelDocument });
  const [{ model: chosen }] = useAddress();
  return useMemo(() => {
    const models = data?.models?.nodes ?? [];
    const served = data?.model ?? undefined;
    const model = models.find(other => modelTitle(other) === chosen) ?? served;
    const retry = () => ask({ requestPolicy: 'network-only' });
    return { models, served, model, problem: error && !model ? problemOf(error) : undefined, retry };
  }, [data, chosen, error, ask]);
}
