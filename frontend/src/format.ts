/** Numbers, areas and times as the reader's language writes them. */

export interface Format {
  number: (value: number) => string;
  /** A score or cutoff, 0 to 1. */
  score: (value: number) => string;
  /** A share of 0 to 1 as per cent. */
  percent: (value: number) => string;
  /** The same, always with one decimal: for columns. */
  share: (value: number) => string;
  /** Square kilometres with their unit. */
  km2: (value: number) => string;
  /** Metres or kilometres with their unit. */
  length: (metres: number) => string;
  /** The size of a file. */
  kilobytes: (bytes: number) => string;
  /** A moment in the reader's zone. */
  time: (moment: string) => string;
  date: (moment: string) => string;
  /** Month and year, and the year alone, of a moment in UTC. */
  month: (moment: string) => string;
  year: (moment: string) => string;
  /** The same moment in UTC, for hovering. */
  utc: (moment: string) => string;
  place: (place: { lat: number; lon: number }) => string;
}

export function formatFor(language: string): Format {
  const number = new Intl.NumberFormat(language);
  const score = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
  const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  const degrees = new Intl.NumberFormat(language, { minimumFractionDigits: 4, maximumFractionDigits: 4 });
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
  const month = new Intl.DateTimeFormat(language, { month: 'short', year: 'numeric', timeZone: 'UTC' });
  const year = new Intl.DateTimeFormat(language, { year: 'numeric', timeZone: 'UTC' });
  const utc = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone: 'UTC',
  });
  return {
    number: value => number.format(value),
    score: value => score.format(value),
    percent: value => percent.format(value),
    share: value => share.format(value),
    km2: value => `${value >= 1000 ? number.format(Math.round(value)) : fine.format(value)} km²`,
    length: metres => (metres < 1000 ? `${number.format(metres)} m` : `${number.format(metres / 1000)} km`),
    kilobytes: bytes => `${number.format(Math.ceil(bytes / 1000))} kB`,
    time: moment => time.format(new Date(moment)),
    date: moment => date.format(new Date(moment)),
    month: moment => month.format(new Date(moment)),
    year: moment => year.format(new Date(moment)),
    utc: moment => `${utc.format(new Date(moment))} UTC`,
    place: ({ lat, lon }) => `${degrees.format(lat)}°, ${degrees.format(lon)}°`,
  };
}
