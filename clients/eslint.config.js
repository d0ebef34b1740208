// The rules of GraphQL ESLint for the schema and for the operation collection, of its largest sets
// (no-unused-fields is in none: the collection is not all that is asked); off are only those switched
// off here, each with its reason. Run from the root of the clone.
import graphql from '@graphql-eslint/eslint-plugin';

const OPERATIONS = 'earthgql/web/operations/**/*.graphql';
const languageOptions = {
  parser: graphql.parser,
  parserOptions: { graphQLConfig: { schema: 'schema.graphql', documents: OPERATIONS } },
};
const plugins = { '@graphql-eslint': graphql };

export default [
  {
    files: ['schema.graphql'],
    languageOptions,
    plugins,
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...graphql.configs['flat/schema-all'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // Fields stand in the order in which one reads about them: z, x, y; west, south, east, north.
      '@graphql-eslint/alphabetize': 'off',
      // Values such as a rectangle or a score have no identity: only what `node` finds has an id.
      '@graphql-eslint/strict-id-in-types': 'off',
      // A mutation answers with what it changed; a client asks for more in the same request.
      '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
      // Mutations are welcome. Progress is told as server-sent events of HTTP, not by subscriptions.
      '@graphql-eslint/no-root-type': ['error', { disallow: ['subscription'] }],
      // Mutations take their arguments plainly, as queries do; wrapping them in one `input` was for
      // Relay's clients of before 2018.
      '@graphql-eslint/input-name': 'off',
      // `nodes` beside `edges`, as GitHub's API has it: few want a cursor for every item; and lists
      // of scalars and of values are no connections.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
    },
  },
  {
    files: [OPERATIONS],
    languageOptions,
    plugins,
    rules: {
      ...graphql.configs['flat/operations-all'].rules,
      '@graphql-eslint/match-document-filename': [
        'error',
        { fileExtension: '.graphql', query: 'PascalCase', mutation: 'PascalCase' },
      ],
      '@graphql-eslint/require-description': ['error', { OperationDefinition: true }],
      // As in the schema.
      '@graphql-eslint/alphabetize': 'off',
      // A document is copied whole into an editor or a client: it holds the fragments it needs.
      '@graphql-eslint/lone-executable-definition': 'off',
      '@graphql-eslint/no-one-place-fragments': 'off',
      '@graphql-eslint/require-import-fragment': 'off',
    },
  },
];
