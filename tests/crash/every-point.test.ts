import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { steeredClock, type SteeredClock } from '../../src/platform/clock.ts';
import { ConnectorError } from '../../src/pipeline/actions/contract.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { crasher, type Crasher, type Faults } from '../support/crasher.ts';
import { TEST_START, testEngine, type TestEngine } from '../support/engine.ts';
import { fakeTarget, type FakeTarget } from '../support/fake-target.ts';
import { declaration, gate, planAction, planOf } from '../support/plans.ts';
import { executionsOf, expectIntact, expectQuiet, expectReplays } from '../support/records.ts';

/**
 * The process is stopped at each point it passes, one after the other, and another one goes on with the same file.
 * Whatever the point: every effect takes place exactly once, every execution ends as it would have ended, and the
 * records verify and replay.
 */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-crash-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What runs: the plan, whom it is about, and what goes wrong at the target. A fault happens once in all lives. */
interface Scenario {
  readonly plan: Plan;
  readonly accounts?: readonly string[];
  readonly faults?: () => Faults;
}

interface Outside {
  readonly file: string;
  readonly target: FakeTarget;
  readonly clock: SteeredClock;
  readonly faults: Faults;
}

function outside(scenario: Scenario, name: string): Outside {
  const file = join(folder, `${name}.sqlite`);
  return { file, target: fakeTarget(), clock: steeredClock(TEST_START), faults: scenario.faults?.() ?? {} };
}

/** One life of the process: until it is stopped, or until nothing is left to do. Answers whether it was stopped. */
async function live(scenario: Scenario, { file, target, clock, faults }: Outside, stop: Crasher): Promise<boolean> {
  const engine = testEngine({ file, target, clock, journalThrough: (journal) => stop.through(journal) });
  stop.watch(target, faults);
  engine.know(scenario.plan);
  const work = drive(engine, scenario).then(() => 'done' as const);
  const end = await Promise.race([work, stop.stopped.then(() => 'stopped' as const)]);
  if (end === 'stopped') {
    work.catch(() => undefined); // It runs into the closed file, as it should.
    await engine.crash();
    return true;
  }
  expect(engine.bugs).toEqual([]);
  await expectQuiet(engine.journal);
  await expectReplays(engine.journal);
  await expectIntact(engine.journal);
  await engine.close();
  return false;
}

/** What operators and time do: go on after the start, vote where a vote is asked for, let timers come. */
async function drive(engine: TestEngine, { plan, accounts = [] }: Scenario): Promise<void> {
  await engine.runner.takeOver();
  await engine.start(plan, 'exe_test', accounts);
  for (;;) {
    await engine.settle();
    if (await vote(engine)) continue;
    const due = await engine.journal.nextTimerDue();
    if (due === null) return;
    engine.clock.advanceTo(due);
    await engine.runner.tick();
  }
}

async function vote({ journal, runner }: TestEngine): Promise<boolean> {
  const { items } = await journal.listViews({ kind: 'approval', status: 'PENDING', limit: 1, skip: 0 });
  const [approval] = items;
  if (approval === undefined) return false;
  const { executionId, intentHash, votes } = approval.body as unknown as {
    readonly executionId: string;
    readonly intentHash: string;
    readonly votes: readonly unknown[];
  }; // the view's own shape
  await runner.submit(executionId, {
    type: 'vote',
    approvalId: approval.id,
    decision: 'APPROVE',
    intentHash,
    comment: null,
    voter: {
      userId: `usr_${votes.length}`,
      kind: 'person',
      roles: ['SECURITY_ADMIN'],
      disabled: false,
      linkedAccounts: [],
      issuedBy: `usr_${votes.length}`,
    },
  });
  return true;
}

/** How it ends: the effects at the target, and each action of each execution. */
async function endOf(outside: Outside): Promise<object> {
  const engine = testEngine({ file: outside.file, target: outside.target, clock: outside.clock });
  const states = await executionsOf(engine.journal);
  const statuses = [...states.values()].map(({ id, ended, actions }) => [
    id,
    ended?.status,
    Object.values(actions).map(({ actionId, status, outcome }) => `${actionId} ${status} ${outcome}`),
  ]);
  await engine.close();
  return { effects: [...outside.target.effects].sort(), statuses };
}

function connectorError(resultUnknown: boolean): ConnectorError {
  return new ConnectorError(resultUnknown ? 'timeout' : 'refused', 'fault', {
    retryable: resultUnknown,
    resultUnknown,
  });
}

/** Fails the first call with this name. */
function once(when: 'before' | 'after', call: string, resultUnknown: boolean): Faults {
  let left = 1;
  return {
    async [when](made: string) {
      if (made !== call || left === 0) return;
      left -= 1;
      throw connectorError(resultUnknown);
    },
  };
}

const blind = declaration({ type: 'USER_NOTIFICATION', readBack: false, idempotency: 'native-key', holds: null });

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'stages with a lost reply and a wait': {
    plan: planOf(
      [planAction('a', { target: 'a1' }), planAction('b', { target: 'b1', declaration: blind })],
      [planAction('c', { target: 'c1', ttlMs: 60_000 })],
    ),
    faults: () => once('after', 'perform a1', true),
  },
  'a fan-out after an approval by two': {
    plan: planOf(
      [
        planAction('kill', {
          forEach: 'accounts',
          target: '{{user.id}}',
          gates: [gate({ requiredApprovers: 2, requirements: [{ roles: ['SECURITY_ADMIN'], k: 2, human: true }] })],
        }),
      ],
      [planAction('b', { target: 'b1' })],
    ),
    accounts: ['x@a', 'y@a'],
  },
  'a roll-back of a fan-out and of an action': {
    plan: planOf(
      [planAction('kill', { forEach: 'accounts', target: '{{user.id}}' }), planAction('a', { target: 'a1' })],
      [planAction('c', { target: 'c1', onFailure: 'COMPENSATE' })],
    ),
    accounts: ['x@a'],
    faults: () => ({
      async before(call) {
        if (call === 'perform c1') throw connectorError(false);
      },
    }),
  },
};

describe.each(Object.entries(SCENARIOS))('%s', (_name, scenario) => {
  it('ends the same wherever the process is stopped', async () => {
    const calm = outside(scenario, 'calm');
    const count = crasher(0);
    await live(scenario, calm, count);
    const expected = await endOf(calm);
    expect(count.passed.length).toBeGreaterThan(10);
    for (const [index, point] of count.passed.entries()) {
      const there = outside(scenario, `stopped-${index}`);
      const stopped = await live(scenario, there, crasher(index + 1));
      if (stopped) await live(scenario, there, crasher(0));
      expect(await endOf(there), `stopped at point ${index + 1}: ${point}`).toEqual(expected);
    }
  });

  it('ends the same when each life is stopped again and again', async () => {
    const calm = outside(scenario, 'calm');
    await live(scenario, calm, crasher(0));
    const expected = await endOf(calm);
    for (const lifetime of [7, 11, 13, 17]) {
      const there = outside(scenario, `mayfly-${lifetime}`);
      let lives = 1;
      // Each life is a little longer than the one before, so that the last one arrives.
      while (await live(scenario, there, crasher(lifetime + lives))) lives += 1;
      expect(lives).toBeGreaterThan(1);
      expect(await endOf(there), `lives of ${lifetime} points and more`).toEqual(expected);
    }
  });
});

describe('a call that can neither be read back nor be repeated', () => {
  const careful = declaration({ type: 'CUSTOM_WEBHOOK', readBack: false, idempotency: 'none', holds: null });
  const plan = planOf(
    [planAction('first', { target: 'f1' })],
    [planAction('a', { target: 'a1', declaration: careful })],
  );
  const scenario: Scenario = { plan };

  it('is attempted once at most, and a person is told when its result is unknown', async () => {
    const calm = outside(scenario, 'calm');
    const count = crasher(0);
    await live(scenario, calm, count);
    const ends = new Set<string>();
    for (let point = 1; point <= count.passed.length; point += 1) {
      const there = outside(scenario, `stopped-${point}`);
      if (await live(scenario, there, crasher(point))) await live(scenario, there, crasher(0));
      const attempts = there.target.calls.filter((call) => call === 'perform a1');
      expect(attempts.length, `stopped at point ${point}`).toBeLessThanOrEqual(1);
      ends.add(JSON.stringify(await endOf(there)).includes('a UNKNOWN') ? 'unknown' : 'done');
    }
    expect([...ends].sort()).toEqual(['done', 'unknown']);
  });
});
