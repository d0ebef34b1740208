/** What `GET /examples.json` answers: queries that work for the imagery that is ingested. */
export interface Examples {
  /** Name of the scene the examples are about; null as long as nothing is ingested. */
  scene: string | null;
  examples: { title: string; query: string; variables: Record<string, unknown> }[];
}

const NOTHING: Examples = {
  scene: null,
  examples: [{ title: 'Scenes', query: '{ scenes { nodes { name tileCount } } }', variables: {} }],
};

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
