import { useEffect } from 'react';
import { useQuery } from 'urql';

import { AnySceneDocument } from '../api/generated/graphql';

const PAUSE_MS = 5000;

/** Whether anything is ingested; undefined as long as that is not known. */
export function useAnyScene(): boolean | undefined {
  const [{ data, fetching }, ask] = useQuery({ query: AnySceneDocument });
  const any = data?.scenes ? data.scenes.nodes.length > 0 : undefined;
  useEffect(() => {
    if (any !== false || fetching) return undefined;
    const timer = setTimeout(() => ask({ requestPolicy: 'network-only' }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [any, fetching, ask]);
  return any;
}
