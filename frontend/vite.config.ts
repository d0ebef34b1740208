import { defineConfig } from 'vite';

// Built into the Python package: Flask serves /static/ from earthgql/web/static.
export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/static/' : '/',
  build: {
    outDir: '../earthgql/web/static',
    emptyOutDir: true,
    // The editor with its language workers is one large chunk by nature.
    chunkSizeWarningLimit: 8000,
    rolldownOptions: {
      input: { graphiql: 'graphiql.html' },
      // 'use client' in libraries means nothing outside server components.
      onwarn(warning, warn) {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  worker: { format: 'es' },
  // `npm run dev` beside `manage.py serve`.
  server: { proxy: { '/graphql': 'http://127.0.0.1:8000', '/examples.json': 'http://127.0.0.1:8000' } },
}));
