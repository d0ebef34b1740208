import { useEffect, useState } from 'react';

const SHOWN_MS = 2500;

/** How something ended, shown for a moment. */
export function useOutcome<Outcome extends string>() {
  const [outcome, setOutcome] = useState<Outcome>();
  useEffect(() => {
    if (!outcome) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  return [outcome, setOutcome] as const;
}
