import type { Snippets } from './snippets';
import { Code } from './Code';
import type { Tab } from '../components/Tabs';

/** A tab for each language of a request. */
export function programTabs(snippets: Snippets): Tab[] {
  return Object.entries(snippets).map(([title, text]) => ({
    title,
    content: <Code text={text} label={title} />,
  }));
}
