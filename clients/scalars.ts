/** What the schema's own scalars are in TypeScript. */
export const SCALARS = {
  DateTime: 'string',
  Distances: '(number | null)[]',
  GeoJSON: '{ type: string; coordinates: unknown[] }',
  Integers: 'number[]',
  ScoreMatrix: 'string',
};
