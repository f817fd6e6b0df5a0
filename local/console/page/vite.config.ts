/** Builds the page into build/console. */

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path('.'),
  base: './',
  resolve: {
    // Of chats, which the page has none of: half the size.
    alias: { '@aws-sdk/client-chime-sdk-messaging': path('no_messaging.ts') },
  },
  build: {
    outDir: path('../../../build/console'),
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page takes nothing that is written into it
    modulePreload: false,
    target: 'es2023',
    chunkSizeWarningLimit: 2_000, // kB: the Chime SDK, read from this machine
  },
});
