import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { SECURITY_HEADERS } from './security-headers.ts';

// Where the API is while one works on the console: `cargo xtask up` says its address.
const target = process.env.RUNPLANE_URL ?? 'http://127.0.0.1:8000';
const proxy = { '/api': { target, changeOrigin: true } };

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      '@': fileURLToPath(new URL('./src', import.meta.url)),
      // The form's helper for tests names a validator that needs `eval`: ours stands in, and that one is never installed.
      '@rjsf/validator-ajv8': fileURLToPath(new URL('./src/features/pipelines/validator.ts', import.meta.url)),
    },
  },
  server: { host: '127.0.0.1', proxy },
  // `vite preview` shows what is built under the headers that it is served with.
  preview: { host: '127.0.0.1', proxy, headers: SECURITY_HEADERS },
  build: {
    target: 'es2023',
    // A data: URL for a small file would need a wider policy than 'self'.
    assetsInlineLimit: 0,
    // Its polyfill is an inline script.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    manifest: true,
  },
  // Laying out a graph takes a second, on a machine that has other things to do several.
  // Most of what is tested knows no page: those files that do say so in their first line.
  test: {
    environment: 'node',
    isolate: false,
    pool: 'threads',
    include: ['src/**/*.test.{ts,tsx}'],
    testTimeout: 30_000,
    restoreMocks: true,
  },
});
