// Installs the built-in playbooks on a running server: `firebreak seed` under the name that the product request gave it.
// FIREBREAK_URL (http://localhost:3000) and FIREBREAK_API_KEY say where and as whom; arguments are passed on (--missing).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
// A checkout may hold an outdated build, so its sources come first.
const program = existsSync(at('src/main.ts')) ? ['--import', 'tsx', at('src/main.ts')] : [at('dist/main.js')];
const url = process.env.FIREBREAK_URL ?? 'http://localhost:3000';
const child = spawn(process.execPath, [...program, 'seed', '--url', url, ...process.argv.slice(2)], {
  cwd: at('.'),
  stdio: 'inherit',
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
