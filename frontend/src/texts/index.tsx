import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

import { formatFor, type Format } from '../format';
import { en, type Texts } from './en';
import { pt } from './pt';

export const LANGUAGES: Record<string, Texts> = { en, pt };

interface Wording {
  language: string;
  setLanguage: (language: string) => void;
  texts: Texts;
  format: Format;
}

const STORED = 'earthgql:language';
const Context = createContext<Wording | undefined>(undefined);

/** Give all below it texts and formats in the reader's language. */
export function WordingProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferred);
  useEffect(() => document.documentElement.setAttribute('lang', language), [language]);
  const wording = useMemo(() => {
    const change = (next: string) => {
      localStorage.setItem(STORED, next);
      setLanguage(next);
    };
    return { language, setLanguage: change, texts: LANGUAGES[language] ?? en, format: formatFor(language) };
  }, [language]);
  return <Context value={wording}>{children}</Context>;
}

/** Texts, formats and the language. */
export function useWording(): Wording {
  const wording = useContext(Context);
  if (!wording) throw new Error('useWording needs a WordingProvider around it');
  return wording;
}

function preferred(): string {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages];
  return wanted.map(name => name?.slice(0, 2).toLowerCase() ?? '').find(name => name in LANGUAGES) ?? 'en';
}
