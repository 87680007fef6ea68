import { afterEach, describe, expect, it } from 'vitest';
import { statusOf } from '../../src/pipeline/executions/core/state.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { planAction, planOf } from '../support/plans.ts';
import { executionsOf, expectReplays } from '../support/records.ts';

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

const suspend = planOf([planAction('a')]);
const PERFORMED = 'perform ACCOUNT_SUSPEND alice@example.test';
const RESTORED = 'undo ACCOUNT_SUSPEND alice@example.test';
const by = { type: 'person', id: 'usr_1' } as const;
const undo = { type: 'compensate', by, reason: 'false alarm' } as const;

describe('two executions that want the same of the same target at the same time', () => {
  it.each([
    ['exe_1', 'exe_2'],
    ['exe_2', 'exe_1'],
  ])('do it once, and restore it with the last one (%s first)', async (first, second) => {
    engine = testEngine();
    await Promise.all([engine.start(suspend, 'exe_1'), engine.start(suspend, 'exe_2')]);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED]);
    const ends = [...(await executionsOf(engine.journal)).values()];
    expect(ends.map(({ actions }) => actions['a']?.status).sort()).toEqual(['SKIPPED', 'SUCCESS']);
    await engine.runner.submit(first, undo);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED]);
    await engine.runner.submit(second, undo);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED, RESTORED]);
    for (const state of (await executionsOf(engine.journal)).values()) expect(statusOf(state)).toBe('ROLLED_BACK');
    await expectReplays(engine.journal);
  });

  it('are joined by a third that recognises the hold although the one who made it is gone', async () => {
    engine = testEngine();
    await engine.start(suspend, 'exe_1');
    await engine.runUntilQuiet();
    await engine.start(suspend, 'exe_2');
    await engine.runUntilQuiet();
    await engine.runner.submit('exe_1', undo);
    await engine.runUntilQuiet();
    await engine.start(suspend, 'exe_3');
    await engine.runUntilQuiet();
    const ends = await executionsOf(engine.journal);
    // What it would find by itself is our own containment, and it would "restore" that one day.
    expect(ends.get('exe_3')?.actions['a']).toMatchObject({ status: 'SKIPPED', reason: 'already_held' });
    expect(ends.get('exe_3')?.actions['a']?.prior).toEqual(ends.get('exe_1')?.actions['a']?.prior);
    for (const id of ['exe_2', 'exe_3']) await engine.runner.submit(id, undo);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED, RESTORED]);
    await expectReplays(engine.journal);
  });

  it('give it back when the time of the last one is over', async () => {
    engine = testEngine();
    const forAMinute = planOf([planAction('a', { ttlMs: 60_000 })]);
    await Promise.all([engine.start(forAMinute, 'exe_1'), engine.start(forAMinute, 'exe_2')]);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED, RESTORED]);
    await expectReplays(engine.journal);
  });

  it('share what only one of them got an answer for after a lost reply', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'lost_reply');
    await Promise.all([engine.start(suspend, 'exe_1'), engine.start(suspend, 'exe_2')]);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED]);
    for (const id of ['exe_1', 'exe_2']) await engine.runner.submit(id, undo);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED, RESTORED]);
  });

  it('leave it to the other when the first one fails', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'refused');
    await Promise.all([engine.start(suspend, 'exe_1'), engine.start(suspend, 'exe_2')]);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED]);
    for (const id of ['exe_1', 'exe_2']) await engine.runner.submit(id, undo);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([PERFORMED, RESTORED]);
  });
});
