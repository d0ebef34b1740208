import { useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';

import { asTab, type Chapter, type Example } from './examples';

/** A panel with all operations of the collection, by kind of user; a click opens one in a tab. */
export function collectionPlugin(collection: Chapter[]): GraphiQLPlugin {
  return { title: 'Operations', icon: Icon, content: () => <Collection chapters={collection} /> };
}

function Collection({ chapters }: { chapters: Chapter[] }) {
  const actions = useGraphiQLActions();
  const tabs = useGraphiQL(state => state.tabs);
  const queryEditor = useGraphiQL(state => state.queryEditor);
  const variableEditor = useGraphiQL(state => state.variableEditor);

  function open(example: Example) {
    const known = tabs.findIndex(tab => tab.query === example.query);
    if (known >= 0) {
      actions.changeTab(known);
      return;
    }
    const { query, variables } = asTab(example);
    actions.addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables ?? '');
    // The editors tell their tab a moment later; its title should not wait for that.
    actions.updateActiveTabValues({ query, variables });
  }

  return (
    <section aria-label="Operations" className="earthgql-collection">
      <h2>Operations</h2>
      {chapters.map(({ title, examples }) => (
        <div key={title}>
          <h3>{title}</h3>
          <ul>
            {examples.map(example => (
              <li key={example.title}>
                <button type="button" onClick={() => open(example)}>
                  {example.title}
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M4 5h6a2 2 0 0 1 2 2v13a2 2 0 0 0-2-2H4zM20 5h-6a2 2 0 0 0-2 2v13a2 2 0 0 1 2-2h6z" />
    </svg>
  );
}
