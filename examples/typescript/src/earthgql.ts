/** All the client one needs: `fetch`, and the types that the document brings along. */
import type { TypedDocumentString } from './generated/graphql.js';

interface Problem {
  message: string;
  extensions?: { code?: string };
}

interface Answer<Result> {
  data?: Result | null;
  errors?: Problem[];
}

/** What kept the server from answering, or parts of its answer from being there. */
export class EarthGQLError extends Error {
  constructor(readonly problems: Problem[]) {
    super(problems.map(({ message, extensions }) => `${extensions?.code}: ${message}`).join('\n'));
  }
}

/**
 * Ask one question.
 *
 * @throws EarthGQLError if any part of it stays without an answer.
 */
export async function ask<Result, Variables>(
  server: string,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document.toString(), variables }),
  }).catch((error: Error) => refuse('UNREACHABLE', `${server}: ${error.message}`));
  const { data, errors } = (await response.json()) as Answer<Result>;
  if (errors !== undefined) throw new EarthGQLError(errors);
  return data ?? refuse('NO_DATA', `HTTP status ${response.status}`);
}

function refuse(code: string, message: string): never {
  throw new EarthGQLError([{ message, extensions: { code } }]);
}
