import type { CombinedError } from 'urql';

/** What went wrong, as the page tells it. */
export interface Problem {
  /** `offline`: no answer at all; else the `extensions.code` of the API. */
  code: string;
  /** The API's own words, which name the thing and the remedy. */
  message: string;
}

/** What an error of the GraphQL client means. An answer that is none of GraphQL's is told by its status. */
export function problemOf(error: CombinedError): Problem {
  const [first] = error.graphQLErrors;
  if (first) {
    const { code } = first.extensions;
    return { code: typeof code === 'string' ? code : 'ERROR', message: first.message };
  }
  const response = error.response as Response | undefined;
  if (response && !response.ok)
    return { code: 'ERROR', message: `${response.status} ${response.statusText}` };
  return { code: 'offline', message: error.networkError?.message ?? error.message };
}

/** What an answer of another route than `/graphql` means that is no success. */
export async function problemOfResponse(response: Response): Promise<Problem> {
  try {
    const { errors } = (await response.json()) as {
      errors: { message: string; extensions: { code: string } }[];
    };
    const [first] = errors;
    if (first) return { code: first.extensions.code, message: first.message };
  } catch {
    // Not ours: a proxy's page, or nothing.
  }
  return { code: 'ERROR', message: `${response.status} ${response.statusText}` };
}
