import { parseArgs } from 'node:util';
import { DIST } from './programs.ts';
import { torture, type TortureOptions } from './torture.ts';

/**
 * `npm run torture -- --kills N [--replicas R] [--db sqlite|postgres] [--seed S] [--planted NAME] [--minutes M]
 * [--dist DIR] [--keep]`
 *
 * Load on the compiled server while its processes are killed and stopped; the last line says what was lost, done twice,
 * left over or does not verify. Exit code 0 when all of it is zero.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    replicas: { type: 'string' },
    db: { type: 'string', default: 'sqlite' },
    seed: { type: 'string' },
    planted: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    dist: { type: 'string', default: DIST },
    keep: { type: 'boolean', default: false },
  },
});

function whole(name: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new Error(`--${name} must be a whole number from 1 to ${most}`);
}

function options(): TortureOptions {
  const { db } = values;
  if (db !== 'sqlite' && db !== 'postgres') throw new Error('--db must be sqlite or postgres');
  return {
    kills: whole('kills', values.kills, 1_000_000),
    replicas: whole('replicas', values.replicas ?? (db === 'sqlite' ? '1' : '3'), 16),
    db,
    seed: whole('seed', values.seed ?? String(1 + (Date.now() % 1_000_000)), 2_147_483_646),
    planted: values.planted ?? null,
    minutes: whole('minutes', values.minutes, 1_440),
    dist: values.dist,
    keep: values.keep,
  };
}

try {
  process.exitCode = await torture(options(), (text) => void process.stdout.write(`${text}\n`));
} catch (thrown) {
  process.stderr.write(`torture: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
// Sockets that are kept alive would hold the process for a while.
process.exit();
