import { transformAsync } from '@babel/core';
import { defineConfig, type Plugin } from 'vitest/config';

/** Relay's own plugin, which puts what its compiler made in the place of tagged documents. */
function relay(): Plugin {
  return {
    name: 'relay',
    enforce: 'pre',
    async transform(code, id) {
      if (!code.includes('graphql`')) return null;
      const made = await transformAsync(code, {
        filename: id,
        plugins: ['relay'],
        parserOpts: { plugins: ['typescript', 'jsx'] },
        sourceMaps: true,
      });
      return { code: made?.code ?? code, map: made?.map ?? null };
    },
  };
}

export default defineConfig({
  plugins: [relay()],
  test: {
    setupFiles: ['src/quiet.ts'],
    testTimeout: 60_000,
    // One server answers them all.
    fileParallelism: false,
  },
});
