import { stringifyDocument, type AnyVariables, type TypedDocumentNode } from '@urql/core';
import { lazy, Suspense, useState } from 'react';

import { useWording } from '../texts';

const QueryDialog = lazy(() => import('./QueryDialog'));

interface ShowQueryProps<Variables extends AnyVariables> {
  operation: TypedDocumentNode<unknown, Variables>;
  variables: Variables;
}

/** A button that opens the GraphQL behind what a panel shows, for developers to copy. */
export function ShowQuery<Variables extends AnyVariables>({
  operation,
  variables,
}: ShowQueryProps<Variables>) {
  const { texts } = useWording();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="quiet show-query" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {texts.query.show}
      </button>
      {open && (
        <Suspense>
          <QueryDialog
            query={stringifyDocument(operation)}
            variables={variables ?? {}}
            onClose={() => setOpen(false)}
          />
        </Suspense>
      )}
    </>
  );
}
