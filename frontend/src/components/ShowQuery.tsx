import { stringifyDocument, type AnyVariables, type TypedDocumentNode } from '@urql/core';
import { lazy } from 'react';

import { useWording } from '../texts';
import { DialogButton } from '../requests/DialogButton';

const QueryDialog = lazy(() => import('../requests/QueryDialog'));

interface ShowQueryProps<Variables extends AnyVariables> {
  operation: TypedDocumentNode<unknown, Variables>;
  variables: Variables;
}

/** A button that opens the GraphQL behind what a panel shows. */
export function ShowQuery<Variables extends AnyVariables>({
  operation,
  variables,
}: ShowQueryProps<Variables>) {
  const { texts } = useWording();
  return (
    <DialogButton
      label={texts.query.show}
      dialog={close => (
        <QueryDialog query={stringifyDocument(operation)} variables={variables ?? {}} onClose={close} />
      )}
    />
  );
}
