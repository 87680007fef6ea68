import { afterAll } from 'vitest';
import { crashMatrix } from '../support/crash-matrix.ts';
import { memoryFolder, postgresHouse, type House } from '../support/crash-places.ts';
import { sharedCluster } from '../support/postgres.ts';

/**
 * Two processes on one PostgreSQL: one is stopped, and the one that lives on takes over. Each telling costs half a second of
 * work, so that in every run one story is told in full and the others stop at a drawn passing of each point;
 * `FIREBREAK_CRASH_MATRIX=all` stops at every passing of all of them.
 */

process.env['TMPDIR'] = memoryFolder();
const shared = sharedCluster();
afterAll(() => shared.remove());

if (shared.skip === null) {
  const house = async (): Promise<House> => postgresHouse(await shared.cluster());
  const all = process.env['FIREBREAK_CRASH_MATRIX'] === 'all';
  crashMatrix('PostgreSQL', house, ['privilege action']);
  crashMatrix(
    'PostgreSQL',
    house,
    ['impossible travel', '2FA bypass', 'campaign that grows', 'campaign that is undone'],
    all,
  );
}
