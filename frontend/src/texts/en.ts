/** All texts of the page. Another language is another file like this one. */
export const en = {
  language: 'English',
  page: {
    title: 'earthgql map',
    tagline: 'Labels of satellite imagery',
    skipToMap: 'Go to the map',
    map: 'Map',
    panels: 'Panels',
    loading: 'Loading…',
    retry: 'Try again',
    close: 'Close',
    graphiql: 'GraphiQL',
    chooseLanguage: 'Language',
  },
  panels: {
    labels: 'Labels',
    place: 'Place',
    area: 'Area',
    time: 'Time',
    models: 'Models',
    scenes: 'Scenes',
    picture: 'Picture',
  },
  labels: {
    label: 'Label',
    cutoff: 'Cutoff',
    threshold: (value: string) => `the model's threshold is ${value}`,
    useThreshold: 'Use the threshold',
    score: 'Score',
    share: 'Share of tiles with the label',
    shareNote: 'Squares of several tiles; zoom in for scores and the cutoff.',
    notClassified: 'Not classified yet',
    model: 'Model',
  },
  problems: {
    offline: 'The server cannot be reached. Is it running, and are you online?',
    OVERLOADED: 'The server is busy. Try again in a moment.',
    TIMEOUT: 'This took too long. Zoom in, or try again: what was done is kept.',
    DATABASE_UNAVAILABLE: 'The server cannot reach its database.',
    MODEL_UNAVAILABLE: 'The server has no model to ask.',
    other: 'This did not work.',
  },
};

export type Texts = typeof en;
