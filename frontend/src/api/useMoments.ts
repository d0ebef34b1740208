import { useMemo } from 'react';
import { useQuery } from 'urql';

import { useMap } from '../map/MapProvider';
import { areaBounds } from '../state/area';
import { momentsWithin } from '../state/dates';
import { useAddress } from '../state/useAddress';
import { AcquisitionsDocument } from './generated/graphql';
import { problemOf, type Problem } from './problem';

/** When imagery of the area that was drawn, or else of what the map shows, was acquired. */
export interface Moments {
  /** Newest first; undefined until they are known. */
  moments: string[] | undefined;
  /** Whether there are more scenes than were asked for. */
  partial: boolean;
  problem: Problem | undefined;
  retry: () => void;
}

export function useMoments(): Moments {
  const [{ area }] = useAddress();
  const { listed } = useMap();
  const [{ data, error }, again] = useQuery({ query: AcquisitionsDocument });
  return useMemo(() => {
    const bounds = area ? areaBounds(area) : listed;
    const scenes = data?.scenes?.nodes;
    return {
      moments: scenes && bounds && momentsWithin(scenes, bounds),
      partial: data?.scenes?.pageInfo.hasPreviousPage ?? false,
      problem: error && !data ? problemOf(error) : undefined,
      retry: () => again({ requestPolicy: 'network-only' }),
    };
  }, [area, listed, data, error, again]);
}
