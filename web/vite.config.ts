import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { pdfParts } from './pdfparts.js'

// Two entries, one build. public/.gitkeep is copied into dist with the rest, because the Go side embeds that
// folder and git must keep it when nothing is built.
export default defineConfig({
  plugins: [react(), pdfParts()],
  resolve: { tsconfigPaths: true },
  build: {
    outDir: 'dist',
    target: 'es2022',
    assetsInlineLimit: 0, // the server's content policy allows no data: scripts or styles
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: { index: 'index.html', admin: 'admin.html' } },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8443' } },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'node' },
})
