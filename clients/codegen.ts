import type { CodegenConfig } from '@graphql-codegen/cli';

import { SCALARS } from './scalars.ts';

// Types of the whole collection, made from what the server says of itself.
const config: CodegenConfig = {
  schema: `${process.env['SERVER'] ?? 'http://127.0.0.1:8000'}/graphql`,
  documents: ['../earthgql/web/operations/**/*.graphql', 'src/**/*.ts', '!src/generated/**'],
  generates: {
    'src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { strictScalars: true, scalars: SCALARS, useTypeImports: true, enumsAsTypes: true },
    },
    // What caches that know the schema want.
    'src/generated/schema.json': { plugins: ['introspection'], config: { minify: true } },
  },
};

export default config;
