/* Compiles src/ into dist/, and its core into one file more. Old output goes first, so that a renamed file leaves nothing behind. */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleCore } from './bundle-core.js';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status === 0) {
  chmodSync(new URL('../dist/main.js', import.meta.url), 0o755);
  writeFileSync(new URL('../dist/core.js.txt', import.meta.url), await bundleCore());
}
process.exit(status ?? 1);
