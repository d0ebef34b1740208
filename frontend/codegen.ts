import type { CodegenConfig } from '@graphql-codegen/cli';

// Types of the operations in src/api/operations, from the schema that the server exports.
const config: CodegenConfig = {
  schema: '../schema.graphql',
  documents: 'src/api/operations/*.graphql',
  generates: {
    'src/api/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          DateTime: 'string',
          Distances: '(number | null)[]',
          GeoJSON: { input: "import('geojson').Geometry", output: "import('geojson').Polygon" },
          Integers: 'number[]',
          ScoreMatrix: 'string',
        },
      },
    },
  },
};

export default config;
