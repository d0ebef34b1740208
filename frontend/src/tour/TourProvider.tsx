import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';

import { changeAddress } from '../state/useAddress';
import { STEPS } from './steps';

interface TourState {
  /** The step that is shown, from 0; undefined outside the tour. */
  step: number | undefined;
  /** Whether the reader asked for it: then it takes the focus. */
  asked: boolean;
  start: () => void;
  go: (step: number) => void;
  leave: () => void;
}

const STORED = 'earthgql:tour';
/** Who follows a link is to see what the link shows. */
const CAME_BY_LINK = location.search !== '';
const Context = createContext<TourState | undefined>(undefined);

/** Show who comes for the first time what the page does. */
export function TourProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState(false);
  const [step, setStep] = useState(isNew() ? 0 : undefined);
  const go = useCallback((next: number) => {
    setStep(next);
    changeAddress({ panel: STEPS[next]!.panel }, { replace: true });
  }, []);
  const state = useMemo(() => {
    const start = () => {
      setAsked(true);
      go(0);
    };
    const leave = () => {
      localStorage.setItem(STORED, 'seen');
      setStep(undefined);
    };
    return { step, asked, start, go, leave };
  }, [step, asked, go]);
  return <Context value={state}>{children}</Context>;
}

/** Where the tour is, and what moves it. */
export function useTour(): TourState {
  const state = useContext(Context);
  if (!state) throw new Error('useTour needs a TourProvider around it');
  return state;
}

function isNew(): boolean {
  return !CAME_BY_LINK && localStorage.getItem(STORED) === null;
}
