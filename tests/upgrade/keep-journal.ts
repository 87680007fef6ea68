import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../src/version.ts';
import { formatKept } from '../support/kept-journal.ts';
import { presentJournal } from './present-journal.ts';

/** Before a release: keeps its journal as a fixture (`npx tsx tests/upgrade/keep-journal.ts`). One that is there stays. */
const kept = join(import.meta.dirname, '../fixtures/journals', `${VERSION}.json`);
const folder = mkdtempSync(join(tmpdir(), 'firebreak-keep-'));
try {
  if (existsSync(kept)) throw new Error(`${kept} is there: what a release wrote does not change`);
  mkdirSync(join(kept, '..'), { recursive: true });
  writeFileSync(kept, formatKept(await presentJournal(join(folder, 'journal.sqlite'))));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
