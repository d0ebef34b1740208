import type { CodegenConfig } from '@graphql-codegen/cli';

// `npm run generate` writes src/generated/: the types of every document tagged `graphql(…)` in src/.
// SERVER, where it is set, is the server to ask for the schema.
const url = process.env['SERVER'];

const config: CodegenConfig = {
  schema: url === undefined ? '../../schema.graphql' : `${url}/graphql`,
  documents: ['src/**/*.ts', '!src/generated/**'],
  generates: {
    'src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        emitLegacyCommonJSImports: false,
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          DateTime: 'string',
          GeoJSON: '{ type: string; coordinates: unknown[] }',
          Distances: '(number | null)[]',
          Integers: 'number[]',
          ScoreMatrix: 'string',
        },
      },
    },
  },
};

export default config;
