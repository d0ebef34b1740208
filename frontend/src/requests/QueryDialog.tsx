import { apiUrl } from '../api/client';
import { graphiqlUrl, graphqlSnippets, jsonOf } from './snippets';
import { useWording } from '../texts';
import { Code } from './Code';
import { Dialog } from '../components/Dialog';
import { programTabs } from './programTabs';
import { Tabs } from '../components/Tabs';

interface QueryDialogProps {
  query: string;
  variables: Record<string, unknown>;
  onClose: () => void;
}

/** A query of the page with its variables, in GraphQL and as programs. */
export default function QueryDialog({ query, variables, onClose }: QueryDialogProps) {
  const { texts } = useWording();
  const call = { url: apiUrl('/graphql'), query, variables };
  const programs = programTabs(graphqlSnippets(call));
  const graphql = (
    <>
      <Code text={`${query.trim()}\n`} label={texts.query.query} />
      <Code text={jsonOf(variables)} label={texts.query.variables} />
    </>
  );
  return (
    <Dialog title={texts.query.title} onClose={onClose}>
      <p className="hint">{texts.query.hint}</p>
      <Tabs label={texts.query.languages} tabs={[{ title: 'GraphQL', content: graphql }, ...programs]} />
      <p className="dialog-actions">
        <a className="button" href={graphiqlUrl(call)} target="_blank" rel="noreferrer">
          {texts.query.open}
        </a>
      </p>
    </Dialog>
  );
}
