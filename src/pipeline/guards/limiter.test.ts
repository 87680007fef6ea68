import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { limiterConformance } from '../../../tests/support/limiter-conformance.ts';
import { sharedCluster } from '../../../tests/support/postgres.ts';
import { postgresPlace } from '../../../tests/support/postgres-place.ts';
import { openSqliteJournal } from '../../journal/sqlite/sqlite-journal.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

limiterConformance('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-limiter-'));
  const birth = { id: 'jrn_test', at: 0, accelerated: true };
  return {
    open: async () => openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

describe.skipIf(shared.skip !== null)('two processes', () => {
  limiterConformance('PostgreSQL', () => postgresPlace(shared));
});
