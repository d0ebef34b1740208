import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const SERVER = process.env['EARTHGQL_URL'] ?? 'http://127.0.0.1:8000';
const ROUTES = [
  '/graphql',
  '/examples.json',
  '/imagery',
  '/labels',
  '/tiles',
  '/export',
  '/classify',
  '/jobs',
];

/** What others import: a module at an address that stays the same. */
const layers: Plugin = {
  name: 'earthgql-layers',
  apply: 'build',
  buildStart() {
    this.emitFile({
      type: 'chunk',
      id: 'src/embed.ts',
      fileName: 'earthgql-layers.js',
      preserveSignature: 'strict',
    });
  },
};

// Built into the Python package: Flask serves /static/ from earthgql/web/static.
export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/static/' : '/',
  plugins: [layers],
  build: {
    outDir: '../earthgql/web/static',
    emptyOutDir: true,
    // GraphiQL's editor and MapLibre are large chunks by nature.
    chunkSizeWarningLimit: 8000,
    // The Content-Security-Policy allows no data: URLs but for images.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        map: 'index.html',
        graphiql: 'graphiql.html',
        'example-maplibre': 'examples/maplibre.html',
        'example-leaflet': 'examples/leaflet.html',
      },
      output: {
        // A chunk of its own, which stays in caches when the page changes.
        codeSplitting: { groups: [{ name: 'maplibre', test: /node_modules[\\/]maplibre-gl/ }] },
      },
      // 'use client' in libraries means nothing outside server components.
      onLog(level, log, defaultHandler) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') defaultHandler(level, log);
      },
    },
  },
  worker: { format: 'es' },
  // These import workers, which the development server cannot bundle ahead.
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react/setup-workers/vite'] },
  // `npm run dev` beside `manage.py serve`.
  server: { proxy: Object.fromEntries(ROUTES.map(route => [route, SERVER])) },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
}));
