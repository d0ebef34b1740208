/** What the schema's own scalars are in TypeScript. */
export const SCALARS = {
  DateTime: 'string',
  GeoJSON: '{ type: string; coordinates: unknown[] }',
  Integers: 'number[]',
  ScoreMatrix: 'string',
};
