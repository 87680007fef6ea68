import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { PEAK_MIB } from '../support/peak-memory.ts';

/** Most that a process which takes an artefact may have in memory, in MiB: it has some 75, also on a busy machine. */
const MOST_MIB = 160;
/** So large, in MiB, that whoever kept the content would be far above. */
const ARTEFACT_MIB = 384;

const folder = mkdtempSync(join(tmpdir(), 'firebreak-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it(`takes an artefact of ${ARTEFACT_MIB} MiB with less than ${MOST_MIB} MiB of memory`, () => {
  const vault = fileURLToPath(new URL('../../dist/vaults/local/vault.js', import.meta.url));
  const script = `${PEAK_MIB}
    const { openLocalVault } = await import(${JSON.stringify(vault)});
    async function* content() {
      for (let index = 0; index < ${ARTEFACT_MIB * 16}; index += 1) yield Buffer.alloc(65_536, index);
    }
    const vault = await openLocalVault({ folder: process.argv[1], keys: [] });
    const options = { signal: new AbortController().signal, maxBytes: 2 ** 40, retainUntil: 0 };
    const { size } = await vault.write('evd_0123456789abcdefghjkmnpqrs', content(), options);
    console.log(JSON.stringify({ size, mib: peakMib() }));
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  const { size, mib } = JSON.parse(run.stdout);
  expect(size).toBe(ARTEFACT_MIB * 1024 * 1024);
  expect(mib).toBeLessThan(MOST_MIB);
});
