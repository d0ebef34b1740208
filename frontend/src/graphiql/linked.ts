/** What GraphiQL's editors are to hold. */
export interface LinkedTab {
  query: string;
  /** JSON, or nothing. */
  variables: string;
}

/** The query and variables of a link's fragment (`#query=…&variables=…`), which the map makes. */
export function linkedTab(hash: string): LinkedTab | undefined {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const query = parameters.get('query');
  return query ? { query, variables: parameters.get('variables') ?? '' } : undefined;
}
