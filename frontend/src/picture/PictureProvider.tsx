import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

import type { Problem } from '../api/problem';
import { changeAddress } from '../state/useAddress';
import { classifyPicture, type PictureAnswer } from './classify';

interface PictureState {
  /** The picture that was chosen last. */
  file: File | undefined;
  /** Classify a picture, and open its panel. */
  choose: (file: File) => void;
  /** Ask again, after a problem. */
  retry: () => void;
  answer: PictureAnswer | undefined;
  problem: Problem | undefined;
}

const Context = createContext<PictureState | undefined>(undefined);

/** Keep the picture and its scores while other panels are shown. */
export function PictureProvider({ children }: { children: ReactNode }) {
  const [request, setRequest] = useState<{ file: File }>();
  const [outcome, setOutcome] = useState<{ answer?: PictureAnswer; problem?: Problem }>({});

  useEffect(() => {
    if (!request) return undefined;
    const stop = new AbortController();
    void classifyPicture(request.file, stop.signal).then(found => {
      if (stop.signal.aborted) return;
      setOutcome('code' in found ? { problem: found } : { answer: found });
    });
    return () => stop.abort();
  }, [request]);

  const state = useMemo(() => {
    const ask = (file: File) => {
      setOutcome({});
      setRequest({ file });
    };
    const choose = (file: File) => {
      ask(file);
      changeAddress({ panel: 'picture' });
    };
    const file = request?.file;
    return { file, choose, retry: () => file && ask(file), answer: outcome.answer, problem: outcome.problem };
  }, [request, outcome]);
  return <Context value={state}>{children}</Context>;
}

/** The picture that was chosen, and what the model says of it. */
export function usePicture(): PictureState {
  const state = useContext(Context);
  if (!state) throw new Error('usePicture needs a PictureProvider around it');
  return state;
}
