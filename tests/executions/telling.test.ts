import { afterEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import type { QueuedEffect } from '../../src/journal/membership.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { gate, planAction, planOf } from '../support/plans.ts';

/** What people have to hear is told by somebody, whatever happens between the commit that asks for it and its answer. */

const GATED = planOf([planAction('a', { gates: [gate()] })]);

let engine: TestEngine;
let told: string[];
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

function house(journalThrough: (journal: Journal) => Journal): void {
  told = [];
  const teller = {
    tell: (execution: string, names: readonly string[]) => told.push(...names.map((name) => `${execution} ${name}`)),
  };
  engine = testEngine({ journalThrough, teller });
}

/** The requests that stand in the queue, as they were told. */
async function asked(): Promise<string[]> {
  const queued = await engine.journal.queuedEffects();
  return queued.filter(({ name }) => name.startsWith('tell:')).map(({ execution, name }) => `${execution} ${name}`);
}

describe('who may answer a request is told of it', () => {
  it('when the process was taken for dead while its commit was under way, and has it under its new name', async () => {
    let processId = 'before';
    house((journal) => ({
      ...journal,
      members: Object.defineProperty({ ...journal.members }, 'processId', { get: () => processId }),
      commit(changes) {
        processId = 'after';
        return journal.commit(changes);
      },
    }));
    await engine.start(GATED);
    await engine.settle();
    expect(await asked()).toEqual([expect.stringContaining('exe_test tell:approval.requested:')]);
    expect(told).toEqual(await asked());
  });

  it('when a look at what is held goes on while the execution starts', async () => {
    let open: (held: readonly QueuedEffect[]) => void = () => undefined;
    const first = new Promise<readonly QueuedEffect[]>((resolve) => {
      open = resolve;
    });
    let looks = 0;
    house((journal) => ({
      ...journal,
      members: {
        ...journal.members,
        held(limit) {
          looks += 1;
          return looks === 1 ? first : journal.members.held(limit);
        },
      },
    }));
    const looking = engine.runner.catchUp();
    await engine.start(GATED);
    // As it was asked for, before the execution started.
    open([]);
    await looking;
    await engine.settle();
    expect(await asked()).toEqual([expect.stringContaining('exe_test tell:approval.requested:')]);
    expect(told).toEqual(await asked());
  });
});
