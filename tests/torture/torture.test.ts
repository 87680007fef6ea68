import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PLANT_NAMES, plantsOf } from '../../torture/plants.ts';
import { DIST, planted } from '../../torture/programs.ts';
import { compiled } from '../support/killable.ts';
import { sharedCluster } from '../support/postgres.ts';

/** `npm run torture` as it is run by hand, with the compiled program. */

if (!compiled)
  process.stderr.write('SKIPPED: no server is tortured, because dist/main.js is missing (npm run build)\n');

/** Says aloud when there is no PostgreSQL; each run starts a cluster of its own. */
const database = sharedCluster();
const MAIN = fileURLToPath(new URL('../../torture/main.ts', import.meta.url));
const KILLS = { sqlite: 30, postgres: 10 };
/** On a machine that is busy with other things a start takes ten times as long. */
const PATIENCE_MS = 480_000;

async function torture(...args: readonly string[]): Promise<{ code: number; output: string }> {
  // The channel ends with this process, and with it everything that is tortured.
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null]; // 'close' has (code, signal)
  return { code: code ?? -1, output };
}

describe.skipIf(!compiled)('torture', () => {
  const survives = async (kills: number, ...args: readonly string[]): Promise<void> => {
    const { code, output } = await torture('--kills', String(kills), '--seed', '7', ...args);
    expect(output).toMatch(/^executions [1-9]\d* lost 0 duplicated 0 stuck 0 chain-errors 0$/m);
    expect(output).toContain(`"kills":${kills}`);
    expect(output).toContain('"letIn":0');
    expect(code).toBe(0);
  };

  it(
    `${KILLS.sqlite} kills lose nothing, do nothing twice and leave nothing over`,
    () => survives(KILLS.sqlite),
    PATIENCE_MS,
  );

  it.skipIf(database.skip !== null)(
    `${KILLS.postgres} kills of two processes that share a database do neither`,
    () => survives(KILLS.postgres, '--db', 'postgres', '--replicas', '2'),
    PATIENCE_MS,
  );

  it.each(PLANT_NAMES.flatMap((name) => [[name, 'sqlite'] as const, [name, 'postgres'] as const]))(
    'can still plant %s for %s: what it changes is where it was',
    (name, store) => {
      for (const edit of plantsOf(name, store)) expect(planted(DIST, edit)).toContain(edit.replace);
    },
  );

  it('refuses to plant a bug that it does not know', async () => {
    const { code, output } = await torture('--kills', '1', '--planted', 'something-else');
    expect(output).toContain('--planted must be one of fence-off, effect-first, timer-twice');
    expect(code).toBe(1);
  });
});
