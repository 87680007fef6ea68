/*
 * Bundles the code that decides about executions into one text that needs nothing but the language: no module, no
 * global of Node. Kept in journals under its hash, it can derive again what it decided when the program is another one.
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoom = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The text, a script that sets `firebreakCore`. `plugins` let tests make another core out of the same sources. */
export async function bundleCore({ plugins = [] } = {}) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/pipeline/executions/core/replay-text.ts'],
    bundle: true,
    format: 'iife',
    globalName: 'firebreakCore',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'node20',
    charset: 'utf8',
    alias: { 'node:crypto': inRoom('core-sha256.js') },
    inject: [inRoom('core-text.js')],
    plugins,
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}
