import { afterEach, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../src/pipeline/actions/contract.ts';
import { foldRecords, stepOf } from '../../src/pipeline/executions/core/fold.ts';
import { tellsOf } from '../../src/pipeline/executions/tells.ts';
import { createUnsettled } from '../../src/pipeline/tasks/unsettled.ts';
import type { Task } from '../../src/pipeline/tasks/task.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';

/** What an execution leaves for people, on the real engine: a task each, once, which closes when the action settles after all. */

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

const blind = declaration({ readBack: false, idempotency: 'none', holds: null, reversibility: 'irreversible' });

/** Runs the engine until nothing is left to do, then looks, twice at once as a repeat after an outage would. */
async function settled(told: string[] = []): Promise<void> {
  await engine.runUntilQuiet();
  const { journal, committer, clock, store } = engine;
  const look = createUnsettled({ journal, committer, clock, store, tell: (stream) => void told.push(stream) });
  await Promise.all([look('exe_test'), look('exe_test')]);
}

async function tasks(): Promise<readonly (Task & { readonly id: string })[]> {
  const { items } = await engine.journal.listViews({ kind: 'task', limit: 50, skip: 0 });
  return items.map(({ id, body }) => ({ id, ...(body as unknown as Task) })); // rows of tasks only
}

/** What the execution asked to have told or looked at, in order. */
async function told(): Promise<readonly string[]> {
  const records = await engine.journal.readStream('execution/exe_test');
  return records.flatMap(({ record }, index) =>
    tellsOf(foldRecords(records.slice(0, index + 1)), stepOf(record).facts).map((tell) =>
      tell.kind === 'execution.failed'
        ? `${tell.kind} ${tell.end}`
        : `${tell.kind} ${'times' in tell ? tell.times : ''}`,
    ),
  );
}

describe('an unknown result', () => {
  it('becomes a task for those who answer for incidents, once, and is closed by the retry that finds out', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'unreachable');
    await engine.start(planOf([planAction('a', { declaration: blind, target: 'evil `name` # owned' })]));
    await settled();
    const [first, ...more] = await tasks();
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      title: 'Find out whether it was done: ACCOUNT_SUSPEND of evil `name` # owned',
      roles: ['INCIDENT_COMMANDER', 'IR_LEAD', 'SECURITY_ADMIN'],
      origin: { kind: 'unsettled', incidentId: 'inc_test', executionId: 'exe_test', actionId: 'a' },
      openedBy: 'engine',
      ended: null,
    });
    engine.target.failNext('perform', 'unreachable');
    await engine.runner.submit('exe_test', { type: 'retry', by: { type: 'person', id: 'usr_1' } });
    await settled();
    expect(await tasks()).toHaveLength(1);
    await engine.runner.submit('exe_test', { type: 'retry', by: { type: 'person', id: 'usr_1' } });
    await settled();
    expect(await tasks()).toMatchObject([
      { id: first?.id, ended: { how: 'DONE', by: 'engine', why: 'The action is settled: SUCCESS.' } },
    ]);
    // Each end that could change something for people has it looked at; only a failure is told.
    expect(await told()).toEqual(['execution.failed 1', 'execution.failed 2', 'execution.left 3']);
    const records = await engine.journal.readStream(`task/${first?.id}`);
    expect(records.map(({ record }) => record.type)).toEqual(['task.opened', 'task.done']);
  });
});

describe('what cannot be taken back', () => {
  it('becomes a task, and is closed once it could be', async () => {
    engine = testEngine();
    const fails = planAction('b', { target: 'b1', onFailure: 'COMPENSATE' });
    engine.target.failNext('perform', 'error');
    engine.target.gate = (call) =>
      call === 'perform b1' || call === 'undo a1' ? Promise.reject(refusal()) : Promise.resolve();
    await engine.start(planOf([planAction('a', { target: 'a1' })], [fails]));
    await settled();
    expect(await tasks()).toMatchObject([{ title: 'Take it back by hand: ACCOUNT_SUSPEND of a1', ended: null }]);
    engine.target.gate = null;
    const by = { type: 'person', id: 'usr_1' } as const;
    await engine.runner.submit('exe_test', { type: 'compensate', by, reason: 'again' });
    await settled();
    expect(await tasks()).toMatchObject([{ ended: { by: 'engine', why: 'The action is settled: COMPENSATED.' } }]);
  });
});

describe('what somebody else has changed', () => {
  it('is told, for no other notice tells it', async () => {
    const told: string[] = [];
    engine = testEngine();
    await engine.start(planOf([planAction('a', { target: 'a1' })]));
    await settled();
    const loaded = await engine.store.load('exe_test');
    const [action] = Object.values(loaded.state.actions);
    if (action === undefined) throw new Error('the plan has one action');
    const state = { ...loaded.state, actions: { a: { ...action, status: 'SUPERSEDED' as const } } };
    const { journal, committer, clock } = engine;
    const store = { load: () => Promise.resolve({ ...loaded, state }) };
    await createUnsettled({ journal, committer, clock, store, tell: (stream) => void told.push(stream) })('exe_test');
    const [task] = await tasks();
    expect(task?.title).toBe('Look at what somebody else changed: ACCOUNT_SUSPEND of a1');
    expect(told).toEqual([`task/${task?.id}`]);
  });
});

describe('what ended well', () => {
  it('leaves nothing', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a')]));
    await settled();
    expect(await tasks()).toEqual([]);
    expect(await told()).toEqual([]);
  });
});

function refusal(): Error {
  return new ConnectorError('refused', 'no', { retryable: false, resultUnknown: false });
}
