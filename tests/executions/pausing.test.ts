import { afterEach, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldRecords } from '../../src/pipeline/executions/core/fold.ts';
import { replayRecords } from '../../src/pipeline/executions/core/replay.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { testEngine, TEST_START, type TestEngine } from '../support/engine.ts';
import { fakeTarget } from '../support/fake-target.ts';
import { callOf } from '../support/person.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';

/** The real engine on a real journal, while people pause everything and resume it. */

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

const said = (userId: string) => callOf(userId, engine.clock.now());
const pause = () => engine.pause.pause(said('usr_1'), { reason: 'drill' });
async function resume(): Promise<void> {
  await engine.pause.resume(said('usr_1'), { reason: 'over' });
  await engine.pause.resume(said('usr_2'), { reason: 'over' });
}
const recordsOf = (id: string) => engine.journal.readStream(`execution/${id}`);
const stateOf = async (id = 'exe_test'): Promise<ExecutionState> => foldRecords(await recordsOf(id));
const phaseOf = async (id = 'exe_test') => (await stateOf(id)).actions['a']?.phase;
const suspend = (target: string, change: Partial<ReturnType<typeof planAction>> = {}) =>
  planOf([planAction('a', { target, ...change })]);

describe('while everything is paused', () => {
  it('executions start and look, and nothing is done outside until two people have resumed', async () => {
    engine = testEngine();
    await pause();
    await engine.start(suspend('anna'));
    await engine.runUntilQuiet();
    expect(engine.target.calls).toEqual(['observe anna']);
    expect(await phaseOf()).toBe('paused');
    await engine.pause.resume(said('usr_1'), { reason: 'over' });
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([]);
    await engine.pause.resume(said('usr_2'), { reason: 'over' });
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
    const state = await stateOf();
    expect(state.actions['a']).toMatchObject({ status: 'SUCCESS', attempt: 1 });
    const records = await recordsOf('exe_test');
    expect(replayRecords(suspend('anna'), records)).toMatchObject({ identical: true });
  });

  it('a call that was decided upon before and waits for its target is kept back', async () => {
    engine = testEngine();
    let open = (): void => undefined;
    const looked = new Promise<void>((resolve) => {
      open = resolve;
    });
    engine.target.gate = (call) => (call === 'observe anna' ? looked : Promise.resolve());
    await engine.start(suspend('anna'));
    await pause();
    open();
    await engine.settle();
    expect(engine.target.calls).toEqual(['observe anna']);
    await resume();
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
  });

  it('no execution runs out of time, and its retries are kept', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'error');
    const plan = suspend('anna', { retry: { maxRetries: 1, backoffMs: 1_000, backoffMultiplier: 2 } });
    await engine.start(plan);
    await engine.settle();
    await pause();
    await engine.runUntilQuiet();
    expect(await phaseOf()).toBe('paused');
    engine.clock.advanceTo(TEST_START + 20 * plan.executionTimeoutMs);
    await engine.runner.tick();
    await resume();
    await engine.runUntilQuiet();
    expect((await stateOf()).ended).toMatchObject({ status: 'COMPLETED' });
    expect((await stateOf()).actions['a']).toMatchObject({ status: 'SUCCESS', attempt: 2 });
  });

  it('a containment whose time is over stays, and is taken back after the resume', async () => {
    engine = testEngine();
    await engine.start(suspend('anna', { ttlMs: 3_600_000 }));
    await engine.settle();
    await pause();
    await engine.runUntilQuiet();
    expect(await phaseOf()).toBe('undo_paused');
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
    await resume();
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND anna', 'undo ACCOUNT_SUSPEND anna']);
    expect((await stateOf()).actions['a']).toMatchObject({ status: 'COMPENSATED', undoAttempt: 1 });
  });

  it('what is read back goes on: a call that was sent before is settled by what its target shows', async () => {
    engine = testEngine();
    let land = (): void => undefined;
    const landed = new Promise<void>((resolve) => {
      land = resolve;
    });
    engine.target.after = (call) => (call === 'perform anna' ? landed : Promise.resolve());
    await engine.start(suspend('anna'));
    while (!engine.target.calls.includes('perform anna')) await new Promise((resolve) => setImmediate(resolve));
    await pause();
    land();
    await engine.settle();
    expect(engine.target.calls).toEqual(['observe anna', 'perform anna', 'verify anna']);
    expect((await stateOf()).actions['a']).toMatchObject({ status: 'SUCCESS' });
    await resume();
  });

  it('a call of several requests is cut off between two of them, read back, and begun again after the resume', async () => {
    engine = testEngine();
    engine.target.between = async () => void (await pause());
    const plan = suspend('anna', { retry: { maxRetries: 0, backoffMs: 1_000, backoffMultiplier: 2 } });
    await engine.start(plan);
    await engine.settle();
    expect((await stateOf()).actions['a']).toMatchObject({ phase: 'settling', interruptions: 1 });
    engine.target.between = async () => undefined;
    await engine.runUntilQuiet();
    // What the target does not show is begun again, and that is kept back.
    expect(await phaseOf()).toBe('paused');
    await resume();
    await engine.runUntilQuiet();
    expect((await stateOf()).actions['a']).toMatchObject({ status: 'SUCCESS', attempt: 2 });
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
  });

  it('those that wait take no place from others that look', async () => {
    engine = testEngine({ maxConcurrent: 1 });
    await pause();
    for (const id of ['exe_1', 'exe_2', 'exe_3']) await engine.start(suspend(id), id);
    await engine.runUntilQuiet();
    expect(engine.target.calls).toEqual(['observe exe_1', 'observe exe_2', 'observe exe_3']);
    expect(engine.inFlight()).toBe(0);
    await resume();
    await engine.runUntilQuiet();
    expect(engine.target.effects).toHaveLength(3);
  });

  it('what waits can be cancelled, and was never begun', async () => {
    engine = testEngine();
    await pause();
    await engine.start(suspend('anna'));
    await engine.settle();
    const by = { type: 'person', id: 'usr_1' } as const;
    await engine.runner.submit('exe_test', { type: 'cancel', by, reason: 'wrong', compensate: true });
    await resume();
    await engine.runUntilQuiet();
    expect((await stateOf()).ended).toMatchObject({ status: 'CANCELLED' });
    expect(engine.target.effects).toEqual([]);
  });
});

describe('a process that starts while everything is paused', () => {
  it('begins nothing of what was kept back, and all of it after the resume', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-pause-'));
    const file = join(folder, 'journal.sqlite');
    const target = fakeTarget();
    const blind = declaration({ holds: null, readBack: false, idempotency: 'none', reversibility: 'irreversible' });
    // What can be neither read nor repeated would end as UNKNOWN if it counted as begun.
    const plan = planOf([planAction('a', { target: 'anna', declaration: blind })]);
    engine = testEngine({ file, target });
    await pause();
    await engine.start(plan);
    await engine.settle();
    const { clock } = engine;
    await engine.crash();

    engine = testEngine({ file, target, clock });
    engine.know(plan);
    await engine.runner.takeOver();
    await engine.runUntilQuiet();
    expect([await phaseOf(), target.effects]).toEqual(['paused', []]);
    await resume();
    await engine.runUntilQuiet();
    expect(target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
    expect((await stateOf()).actions['a']).toMatchObject({ status: 'SUCCESS', attempt: 1 });
    rmSync(folder, { recursive: true, force: true });
  });

  it('begins at its start what a resume has freed while nobody ran', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-pause-'));
    const file = join(folder, 'journal.sqlite');
    const target = fakeTarget();
    const plan = suspend('anna');
    engine = testEngine({ file, target });
    await pause();
    await engine.start(plan);
    await engine.settle();
    const { clock } = engine;
    await engine.crash();
    engine = testEngine({ file, target, clock });
    await resume();
    await engine.crash();
    engine = testEngine({ file, target, clock });
    engine.know(plan);
    await engine.runner.takeOver();
    await engine.runUntilQuiet();
    expect(target.effects).toEqual(['perform ACCOUNT_SUSPEND anna']);
    rmSync(folder, { recursive: true, force: true });
  });
});
