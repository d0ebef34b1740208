import { useCallback, useEffect, useRef, useState } from 'react';

import { useMap } from '../map/MapProvider';
import type { Area } from './address';
import { addressNow, changeAddress } from './useAddress';

/** What is drawn: a new area of this shape, or changes of the one there is. */
export type DrawingMode = 'rectangle' | 'polygon' | 'edit';

interface Drawing {
  mode: DrawingMode | undefined;
  /** Whether what draws has been loaded. */
  ready: boolean;
  start: (mode: DrawingMode) => void;
  stop: () => void;
}

/** Draw the area of the address on the map; Escape ends it. */
export function useDrawing(): Drawing {
  const { map } = useMap();
  const [mode, setMode] = useState<DrawingMode>();
  const [ready, setReady] = useState(false);
  const stop = useCallback(() => setMode(undefined), []);
  const edited = useRef(false);

  useEffect(() => {
    if (!map || !mode) return undefined;
    let end: (() => void) | undefined;
    let left = false;
    edited.current = false;
    const onArea = (area: Area) => {
      // Back returns to what was before the first of many changes by hand.
      changeAddress({ area }, { replace: edited.current });
      edited.current = true;
      if (mode !== 'edit') stop();
    };
    void import('../map/drawing').then(({ startDrawing }) => {
      const what = mode === 'edit' ? addressNow().area : mode;
      if (left || !what) return;
      end = startDrawing({ map, what, onArea });
      setReady(true);
    });
    const escape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') stop();
    };
    addEventListener('keydown', escape);
    return () => {
      left = true;
      setReady(false);
      end?.();
      removeEventListener('keydown', escape);
    };
  }, [map, mode, stop]);
  return { mode, ready, start: setMode, stop };
}
