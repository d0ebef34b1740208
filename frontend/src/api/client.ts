import { cacheExchange, createClient, errorExchange, fetchExchange } from 'urql';

import { suspectServer } from './serverState';

/** Where the API is; another origin must be allowed there by EARTHGQL_CORS_ORIGINS. */
export const API = new URL(import.meta.env.VITE_EARTHGQL_URL ?? '/', location.href);

/** The address of something of the API, such as `/labels.json`. */
export function apiUrl(path: string, query: Record<string, string | undefined> = {}): string {
  const url = new URL(path, API);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

const lookForServer = errorExchange({
  onError: ({ networkError }) => networkError && suspectServer(apiUrl('/healthz')),
});

/** The page's GraphQL client. */
export const client = createClient({
  url: apiUrl('/graphql'),
  exchanges: [cacheExchange, lookForServer, fetchExchange],
  preferGetMethod: false,
});
