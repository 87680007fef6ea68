import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

/**
 * Most that a process which takes an artefact may have in memory, in MiB: what it holds is some 130, and on a busy machine garbage
 * waits longer to be taken away. What is needed is measured by the benchmark (`npm run bench -- evidence`).
 */
const MOST_MIB = 320;
/** So large, in MiB, that whoever kept the content would be far above. */
const ARTEFACT_MIB = 384;

const folder = mkdtempSync(join(tmpdir(), 'firebreak-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it(`takes an artefact of ${ARTEFACT_MIB} MiB with less than ${MOST_MIB} MiB of memory`, () => {
  const vault = fileURLToPath(new URL('../../dist/vaults/local/vault.js', import.meta.url));
  const script = `
    const { openLocalVault } = await import(${JSON.stringify(vault)});
    async function* content() {
      for (let index = 0; index < ${ARTEFACT_MIB * 16}; index += 1) yield Buffer.alloc(65_536, index);
    }
    const vault = await openLocalVault({ folder: process.argv[1], keys: [] });
    const options = { signal: new AbortController().signal, maxBytes: 2 ** 40, retainUntil: 0 };
    const { size } = await vault.write('evd_0123456789abcdefghjkmnpqrs', content(), options);
    console.log(JSON.stringify({ size, mib: process.resourceUsage().maxRSS / 1024 }));
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  const { size, mib } = JSON.parse(run.stdout);
  expect(size).toBe(ARTEFACT_MIB * 1024 * 1024);
  expect(mib).toBeLessThan(MOST_MIB);
});
