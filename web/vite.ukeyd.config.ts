import { defineConfig } from 'vite'

// ukeyd.js: one file for the pages of other sites, beside the portal's own build.
export default defineConfig({
  resolve: { tsconfigPaths: true },
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: 'src/agent/ukeyd.ts', formats: ['es'], fileName: () => 'ukeyd.js' },
  },
})
