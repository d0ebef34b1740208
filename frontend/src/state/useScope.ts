import { useMemo } from 'react';

import { useMap } from '../map/MapProvider';
import { useAddress } from './useAddress';
import { areaVariables, type AreaVariables } from './area';

/** What sums and lists are about: the area that was drawn, or else what the map shows. */
export function useScope(): AreaVariables | undefined {
  const [{ area }] = useAddress();
  const { listed } = useMap();
  return useMemo(() => (area ? areaVariables(area) : listed && { bounds: listed }), [area, listed]);
}
