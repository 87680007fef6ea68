import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { steeredClock } from '../../src/platform/clock.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { formatKept, restoreJournal, type KeptJournal } from '../support/kept-journal.ts';
import { callOf } from '../support/person.ts';
import { executionsOf, expectIntact, expectQuiet, expectReplays } from '../support/records.ts';
import { openRows, presentJournal } from './present-journal.ts';
import { waitingIn } from './waiting-states.ts';

/**
 * Journals that releases wrote, each stopped while executions wait in every way there is. The present code has to take
 * them up and finish them. `keep-journal.ts` keeps the one of the present release; one that is there is never written
 * again.
 */
const FOLDER = join(import.meta.dirname, '../fixtures/journals');

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-upgrade-'));
  file = join(folder, 'journal.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What people do about everything that waits for them. */
async function attend({ journal, runner, pause, clock }: TestEngine): Promise<void> {
  for (const userId of ['usr_1', 'usr_2']) {
    const { data } = await pause.getPause(callOf(userId, clock.now()));
    if (data['paused'] === true) await pause.resume(callOf(userId, clock.now()), { reason: 'the drill is over' });
  }
  const { items } = await journal.listViews({ kind: 'approval', status: 'PENDING', limit: 100, skip: 0 });
  for (const { id, body } of items) {
    const { executionId, intentHash } = body as { executionId: string; intentHash: string }; // as `approvalView` writes it
    await runner.submit(executionId, {
      type: 'vote',
      approvalId: id,
      decision: 'APPROVE',
      intentHash,
      comment: null,
      voter: {
        userId: 'usr_2',
        kind: 'person',
        roles: ['SECURITY_ADMIN'],
        linkedAccounts: [],
        issuedBy: 'usr_1',
        disabled: false,
      },
    });
  }
}

async function phasesIn(engine: TestEngine, id: string): Promise<readonly string[]> {
  const { state } = await engine.store.load(id);
  return Object.values(state.actions).map(({ phase }) => phase);
}

async function finishes(journal: KeptJournal, waits: ReturnType<typeof waitingIn>): Promise<void> {
  rmSync(file, { force: true });
  const empty = openRows(file);
  restoreJournal(empty, journal);
  empty.close();
  const engine = testEngine({ file, clock: steeredClock(journal.stoppedAt) });
  try {
    for (const [id, { plan, stopped }] of waits) {
      engine.know(plan);
      expect([id, ...(await phasesIn(engine, id))]).toEqual([id, ...stopped]);
    }
    await engine.runner.takeOver();
    engine.target.answer = 'passed';
    await engine.settle();
    await attend(engine);
    await engine.runUntilQuiet();
    expect(engine.bugs).toEqual([]);
    const states = await executionsOf(engine.journal);
    const ends = waits.map(([id]) => [id, states.get(id)?.ended?.status]);
    expect(ends).toEqual(waits.map(([id, waiting]) => [id, waiting.ends]));
    // What was to end by itself has ended, what was to be undone is undone, and what was cut off was done after all.
    expect(engine.target.effects).toEqual(
      expect.arrayContaining([
        'undo ACCOUNT_SUSPEND hold',
        'undo ACCOUNT_SUSPEND undo1',
        'perform ACCOUNT_SUSPEND interrupted',
        'perform ACCOUNT_SUSPEND y@fan',
      ]),
    );
    await expectQuiet(engine.journal);
    await expectReplays(engine.journal);
    await expectIntact(engine.journal);
  } finally {
    await engine.close();
  }
}

describe('what waits in a journal', { timeout: 30_000 }, () => {
  it('of the present code is finished, so that what is kept can be', async () => {
    const journal = await presentJournal(file);
    expect(JSON.parse(formatKept(journal))).toEqual(JSON.parse(JSON.stringify(journal)));
    await finishes(journal, waitingIn(null));
  });

  it.each(existsSync(FOLDER) ? readdirSync(FOLDER) : [])('of release %s is finished', async (kept) => {
    const journal = JSON.parse(readFileSync(join(FOLDER, kept), 'utf8')) as KeptJournal; // our own fixture
    await finishes(journal, waitingIn(journal.release));
  });

  it('of at least one release is kept', () => {
    expect(readdirSync(FOLDER).length).toBeGreaterThan(0);
  });
});
