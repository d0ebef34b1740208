/** What caches want to know of the schema, taken from the schema itself. */
import type { IntrospectionQuery } from 'graphql';

import introspected from './generated/schema.json';

export const SCHEMA = introspected as unknown as IntrospectionQuery;

/** Which types are a `Node`: Apollo Client asks for that by hand. */
export const POSSIBLE_TYPES = Object.fromEntries(
  SCHEMA.__schema.types.flatMap(type =>
    type.kind === 'INTERFACE' ? [[type.name, type.possibleTypes.map(({ name }) => name)]] : [],
  ),
);

/** Types whose values are part of what holds them: Graphcache asks for these by hand. */
export const WITHOUT_ID = SCHEMA.__schema.types
  .filter(type => type.kind === 'OBJECT' && !type.fields.some(({ name }) => name === 'id'))
  .map(({ name }) => name);
