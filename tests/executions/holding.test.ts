import { afterEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import type { Membership } from '../../src/journal/membership.ts';
import { MAX_LAUNCHED } from '../../src/pipeline/executions/performer.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';
import { executionsOf, expectQuiet, expectReplays } from '../support/records.ts';

/** What a process holds, what it loses, and how much of it stands in memory. */

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

/** A member that is taken for dead when the test says so, and holds its journal under a new id after the next beat. */
function mortal(journal: Journal): { readonly journal: Journal; die(): void } {
  let lives = 1;
  let dead = false;
  const members: Membership = {
    ...journal.members,
    get processId() {
      return `process-${lives}`;
    },
    holds: () => !dead,
    // What it held another one holds by then.
    held: async (limit) => (lives === 1 && !dead ? journal.members.held(limit) : []),
    async beat() {
      if (dead) lives += 1;
      dead = false;
    },
  };
  return {
    journal: { ...journal, members },
    die() {
      dead = true;
    },
  };
}

describe('a process that was taken for dead', () => {
  it('does not say what it saw, and leaves it to who holds it now to look', async () => {
    let self: ReturnType<typeof mortal> | undefined;
    engine = testEngine({
      journalThrough: (journal) => {
        self = mortal(journal);
        return self.journal;
      },
    });
    engine.target.after = async (call) => {
      if (call.startsWith('observe')) self?.die();
    };
    await engine.start(planOf([planAction('a')]));
    await engine.settle();
    expect(engine.target.calls.map((call) => call.split(' ')[0])).toEqual(['observe']);
    expect((await engine.journal.queuedEffects()).map(({ name }) => name)).toEqual(['observe:a:1:1']);
  });

  it('sends nothing that it held, and leaves it to who holds it now', async () => {
    let self: ReturnType<typeof mortal> | undefined;
    engine = testEngine({
      journalThrough: (journal) => {
        const dying: Journal = {
          ...journal,
          async commit(changes) {
            const results = await journal.commit(changes);
            if (JSON.stringify(changes).includes('"attempt.observed"')) self?.die();
            return results;
          },
        };
        self = mortal(dying);
        return self.journal;
      },
    });
    await engine.start(planOf([planAction('a')]));
    await engine.settle();
    expect(engine.target.calls.map((call) => call.split(' ')[0])).toEqual(['observe']);
    expect(engine.target.effects).toEqual([]);
    expect((await engine.journal.queuedEffects()).map(({ name }) => name)).toEqual(['perform:a:1:1']);
  });
});

describe('more effects than memory may hold', () => {
  it('wait on disk and are all performed', { timeout: 60_000 }, async () => {
    engine = testEngine({ maxConcurrent: 64 });
    const blind = declaration({ readBack: false, idempotency: 'native-key', holds: null, reversibility: 'expires' });
    const plan = planOf([planAction('a', { target: 'x{{incident.subject.id}}', declaration: blind })]);
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    engine.target.gate = () => gate;
    const count = MAX_LAUNCHED + 300;
    await Promise.all(Array.from({ length: count }, (_, index) => engine.start(plan, `exe_${index}`)));
    expect(engine.inFlight()).toBe(MAX_LAUNCHED);
    open();
    await engine.runUntilQuiet();
    const ended = [...(await executionsOf(engine.journal)).values()].filter(({ ended: end }) => end !== null);
    expect(ended).toHaveLength(count);
    await expectQuiet(engine.journal);
    await expectReplays(engine.journal);
  });
});
