import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './graphiql.css';

import type { GraphiQLPlugin } from '@graphiql/react';
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';

import { collectionPlugin } from './collection';
import { asTab, fetchExamples, storageFor, type Examples } from './examples';
import { linkedTab, type LinkedTab } from './linked';
import { holdsOperation } from './operations';

const send = createGraphiQLFetcher({ url: new URL('/graphql', location.href).href });

// GraphiQL learns a moment late which operation an editor holds: run at once after another tab
// was opened, it would name the operation of the tab before.
const fetcher: Fetcher = ({ operationName, ...request }, options) =>
  send(holdsOperation(request.query, operationName) ? { ...request, operationName } : request, options);

interface PageProps extends Examples {
  plugins: GraphiQLPlugin[];
  /** What a link asks to open. */
  linked: LinkedTab | undefined;
}

function Page({ scene, examples, plugins, linked }: PageProps) {
  const tabs = [...(linked ? [linked] : []), ...examples.map(asTab)];
  const storage = storageFor(scene);
  // GraphiQL fills the variables' editor from its storage, or from this, but not from the tab.
  const variables = storage.length === 0 ? (tabs[0]?.variables ?? undefined) : undefined;
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      plugins={plugins}
      // Beside stored tabs, these open one more.
      initialQuery={linked?.query}
      initialVariables={linked?.variables ?? variables}
      defaultTabs={tabs}
      defaultEditorToolsVisibility="variables"
      isHeadersEditorEnabled={false}
      defaultTheme="light"
    >
      <GraphiQL.Logo>
        <a className="earthgql-logo" href="/graphql">
          <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" />
          earthgql
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

const root = document.getElementById('graphiql');
if (root === null) {
  throw new Error('the page has no #graphiql element');
}
const linked = linkedTab(location.hash);
// Once: whoever loads the page again finds the tab as it was left.
history.replaceState(null, '', location.pathname + location.search);
addEventListener('hashchange', () => location.reload());
const examples = await fetchExamples();
const plugins = [collectionPlugin(examples.collection), HISTORY_PLUGIN];
createRoot(root).render(<Page {...examples} plugins={plugins} linked={linked} />);
