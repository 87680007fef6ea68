import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError, type Journal } from '../../src/journal/journal.ts';
import { TEST_START, testEngine } from '../support/engine.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';
import { executionsOf, expectIntact, expectQuiet, expectReplays } from '../support/records.ts';

/**
 * The disk is full, or fails in the middle of a commit, at each commit of an execution, one after the other. What a
 * target answered is kept and offered again, nothing is done twice, and what was committed although nobody was told
 * so goes on without a restart.
 */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-store-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const blind = declaration({ type: 'USER_NOTIFICATION', readBack: false, idempotency: 'none', holds: null });
const plan = planOf(
  [planAction('a', { target: 'a1' }), planAction('mail', { target: 'm1', declaration: blind })],
  [planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })],
  [planAction('c', { target: '{{event.nothing}}', onFailure: 'COMPENSATE' })],
);
const accounts = ['x@a', 'y@a'];

type Failure = 'refused' | 'written all the same';

/** Fails the n-th commit, once. */
function failing(journal: Journal, at: number, failure: Failure, seen: { commits: number }): Journal {
  return {
    ...journal,
    async commit(changes) {
      seen.commits += 1;
      if (seen.commits !== at) return journal.commit(changes);
      if (failure === 'written all the same') await journal.commit(changes);
      throw new StoreUnavailableError('a fault of the test', failure === 'written all the same');
    },
  };
}

async function run(at: number, failure: Failure): Promise<{ end: object; commits: number }> {
  const seen = { commits: 0 };
  const file = join(folder, `${failure}-${at}.sqlite`);
  const engine = testEngine({ file, journalThrough: (journal) => failing(journal, at, failure, seen) });
  await again(() => engine.start(plan, 'exe_test', accounts));
  for (;;) {
    await engine.settle();
    const due = await engine.journal.nextTimerDue();
    if (due === null || due > TEST_START + 86_400_000) break;
    engine.clock.advanceTo(due);
    await again(() => engine.runner.tick());
  }
  expect(engine.bugs).toEqual([]);
  await expectQuiet(engine.journal);
  await expectReplays(engine.journal);
  const states = [...(await executionsOf(engine.journal)).values()];
  const performs = engine.target.calls.filter((call) => call.startsWith('perform')).sort();
  const end = { effects: [...engine.target.effects].sort(), performs, ends: states.map(({ ended }) => ended?.status) };
  await expectIntact(engine.journal);
  await engine.close();
  return { end, commits: seen.commits };
}

/** A caller outside is told that the store is unavailable, and asks again. */
async function again<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof StoreUnavailableError)) throw thrown;
    return work();
  }
}

describe.each<Failure>(['refused', 'written all the same'])('a commit that fails and was %s', (failure) => {
  it('loses nothing and repeats nothing, whichever it is', async () => {
    const calm = await run(0, failure);
    expect(calm.commits).toBeGreaterThan(10);
    // Side by side, because each waits half a second of real time before it offers its answer again.
    const points = Array.from({ length: calm.commits }, (_, index) => index + 1);
    const runs = await Promise.all(points.map((at) => run(at, failure)));
    for (const [index, { end }] of runs.entries()) expect(end, `commit ${index + 1}`).toEqual(calm.end);
  });
});

describe('an input that no record can hold', () => {
  it('fails alone: what arrived with it is taken up', async () => {
    const engine = testEngine({ file: join(folder, 'poison.sqlite') });
    await engine.start(planOf([planAction('a')]));
    const by = { type: 'person', id: 'usr_1' } as const;
    const cancel = (reason: string) =>
      engine.runner.submit('exe_test', { type: 'cancel', by, reason, compensate: false });
    const [poison, good] = await Promise.allSettled([cancel('half a character: \ud800'), cancel('drill')]);
    expect([poison.status, good.status]).toEqual(['rejected', 'fulfilled']);
    await engine.settle();
    expect([...(await executionsOf(engine.journal)).values()].map(({ ended }) => ended?.status)).toEqual(['CANCELLED']);
    expect(engine.bugs).toEqual([]);
    await engine.close();
  });
});

describe('a target that never answers, to a handler that does not heed its signal', () => {
  it('costs one attempt and not the execution', async () => {
    const engine = testEngine({ file: join(folder, 'silent.sqlite') });
    let silent = 1;
    engine.target.gate = async (call) => {
      if (call.startsWith('perform') && silent > 0) {
        silent -= 1;
        await new Promise(() => {});
      }
    };
    await engine.start(planOf([planAction('a', { timeoutMs: 20 })]));
    await engine.runUntilQuiet();
    expect([...(await executionsOf(engine.journal)).values()].map(({ ended }) => ended?.status)).toEqual(['COMPLETED']);
    expect(engine.target.effects).toHaveLength(1);
    await engine.close();
  });
});
