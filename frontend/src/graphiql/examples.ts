/** An operation to try, with variables for it. */
export interface Example {
  title: string;
  query: string;
  variables: Record<string, unknown>;
}

/** Operations for one kind of user. */
export interface Chapter {
  title: string;
  examples: Example[];
}

/** What `GET /examples.json` answers: queries that work for the imagery that is ingested. */
export interface Examples {
  /** Name of the scene the examples are about; null as long as nothing is ingested. */
  scene: string | null;
  /** A short tour: the tabs of somebody who was never here. */
  examples: Example[];
  /** All operations, by kind of user. */
  collection: Chapter[];
}

const NOTHING: Examples = {
  scene: null,
  examples: [{ title: 'Scenes', query: '{ scenes { nodes { name tileCount } } }', variables: {} }],
  collection: [],
};

/** An example as the contents of GraphiQL's editors. */
export function asTab({ query, variables }: Example) {
  const given = Object.keys(variables).length > 0;
  return { query, variables: given ? JSON.stringify(variables, null, 2) : null, headers: null };
}

/** Fetch the examples; a server without a database still gives a usable page. */
export async function fetchExamples(): Promise<Examples> {
  try {
    const response = await fetch('/examples.json');
    return response.ok ? ((await response.json()) as Examples) : NOTHING;
  } catch {
    return NOTHING;
  }
}

/**
 * The browser's storage under a prefix of its own, so that the tabs one leaves behind come back
 * for the same scene, while another scene opens with its own examples.
 */
export function storageFor(scene: string | null): Storage {
  const prefix = `earthgql:${scene ?? ''}:`;
  const own = () => Object.keys(localStorage).filter(key => key.startsWith(prefix));
  return {
    get length() {
      return own().length;
    },
    key: index => own()[index]?.slice(prefix.length) ?? null,
    getItem: key => localStorage.getItem(prefix + key),
    setItem: (key, value) => localStorage.setItem(prefix + key, value),
    removeItem: key => localStorage.removeItem(prefix + key),
    clear: () => own().forEach(key => localStorage.removeItem(key)),
  };
}
