import { useEffect, useState } from 'react';

import { copyText } from '../copyText';
import { useWording } from '../texts';

const SHOWN_MS = 2500;

/** A button that copies text, and says whether it did. */
export function CopyButton({ text, label }: { text: string | (() => string); label?: string }) {
  const { texts } = useWording();
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (!outcome) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    const done = await copyText(typeof text === 'string' ? text : text());
    setOutcome(done ? 'copied' : 'failed');
  };
  return (
    <>
      <button type="button" className="copy" onClick={() => void copy()}>
        {outcome ? texts.copy[outcome] : (label ?? texts.copy.copy)}
      </button>
      <span className="visually-hidden" role="status">
        {outcome && texts.copy[outcome]}
      </span>
    </>
  );
}
