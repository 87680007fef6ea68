import { afterEach, describe, expect, it } from 'vitest';
import { foldRecords, stepOf } from '../../src/pipeline/executions/core/fold.ts';
import { statusOf, type ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { declaration, gate, planAction, planOf, startOf } from '../support/plans.ts';

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

async function stateOf(executionId = 'exe_test'): Promise<ExecutionState> {
  return foldRecords(await engine.journal.readStream(`execution/${executionId}`));
}

async function statusesOf(executionId = 'exe_test'): Promise<Record<string, string | null>> {
  const { actions } = await stateOf(executionId);
  return Object.fromEntries(Object.values(actions).map((action) => [action.actionId, action.status]));
}

const voter = (userId: string, roles: readonly ['SECURITY_ADMIN'] | readonly ['AUDITOR'] = ['SECURITY_ADMIN']) => ({
  userId,
  kind: 'person' as const,
  roles,
  disabled: false,
  linkedAccounts: [],
  issuedBy: userId,
});

describe('an action for each account', () => {
  const kill = planAction('kill', { forEach: 'accounts', target: '{{user.id}}' });
  const by = { type: 'person', id: 'usr_1' } as const;

  it('acts on nobody any more when it is cancelled', async () => {
    engine = testEngine({ maxConcurrent: 1 });
    const performed: boolean[] = [];
    engine.target.gate = async (call) => {
      if (!call.startsWith('perform')) return;
      performed.push(true);
      await engine.runner.submit('exe_test', { type: 'cancel', by, reason: 'wrong', compensate: false });
    };
    await engine.start(planOf([kill]), 'exe_test', ['a@x', 'b@x', 'c@x', 'd@x']);
    await engine.runUntilQuiet();
    expect(performed).toHaveLength(1);
    expect(statusOf(await stateOf())).toBe('CANCELLED');
    const children = Object.values((await stateOf()).actions['kill']?.children ?? {});
    expect(children.map(({ status }) => status).sort()).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'COMPLETED']);
  });

  it('sends no call that still waits for its place when it is cancelled', async () => {
    engine = testEngine({ maxConcurrent: 1 });
    const sent: string[] = [];
    engine.target.gate = async (call) => {
      if (!call.startsWith('perform')) return;
      sent.push(call);
      await engine.runner.submit('exe_test', { type: 'cancel', by, reason: 'wrong', compensate: false });
    };
    // With nothing to look at first, each call is owed at once.
    const once = declaration({ type: 'FULL_SESSION_KILL', reversibility: 'selfRecoverable', holds: null });
    await engine.start(planOf([{ ...kill, declaration: once }]), 'exe_test', ['a@x', 'b@x', 'c@x', 'd@x']);
    await engine.runUntilQuiet();
    expect(sent).toHaveLength(1);
    const children = Object.values((await stateOf()).actions['kill']?.children ?? {});
    expect(children.map(({ status }) => status).sort()).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'COMPLETED']);
  });

  it('begins with nobody where it is cancelled while its children wait to be started', async () => {
    engine = testEngine({ maxConcurrent: 1 });
    engine.target.gate = async (call) => {
      if (!call.startsWith('perform')) return;
      engine.target.gate = null;
      await engine.start(planOf([kill]), 'exe_test', ['a@x', 'b@x']);
      await engine.runner.submit('exe_test', { type: 'cancel', by, reason: 'wrong', compensate: false });
    };
    await engine.start(planOf([planAction('a')]), 'exe_busy');
    await engine.runUntilQuiet();
    const children = Object.keys((await stateOf()).actions['kill']?.children ?? {});
    const begun = await Promise.all(children.map(async (child) => (await engine.store.load(child)).state.actions));
    expect(begun).toEqual([{}, {}]);
    expect(statusOf(await stateOf())).toBe('CANCELLED');
  });

  it('stays where people have extended it, account by account', async () => {
    engine = testEngine();
    await engine.start(planOf([{ ...kill, ttlMs: 3_600_000 }]), 'exe_test', ['a@x', 'b@x']);
    await engine.settle();
    const [kept = ''] = Object.keys((await stateOf()).actions['kill']?.children ?? {});
    const until = engine.clock.now() + 5 * 3_600_000;
    await engine.runner.submit(kept, { type: 'extend', actionId: 'kill', by, reason: 'not yet', until });
    await engine.runUntilQuiet(2 * 3_600_000);
    expect(engine.target.effects.filter((effect) => effect.startsWith('undo'))).toHaveLength(1);
    await engine.runUntilQuiet(5 * 3_600_000);
    expect(engine.target.effects.filter((effect) => effect.startsWith('undo'))).toHaveLength(2);
  });
});

describe('a timer that no state holds any more', () => {
  it('is looked at once: an earlier version may have set it', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a')]));
    await engine.runUntilQuiet();
    const stray = { execution: 'exe_test', name: 'ttl:a', generation: 1, due: engine.clock.now() };
    await engine.journal.commit([{ appends: [], timers: [stray] }]);
    for (let tick = 0; tick < 3; tick += 1) await engine.runner.tick();
    const records = await engine.journal.readStream('execution/exe_test');
    const ignored = records.filter(({ record }) => stepOf(record).facts.some(({ type }) => type === 'input.ignored'));
    expect(ignored).toHaveLength(1);
    expect(await engine.journal.dueTimers(engine.clock.now() + 1, 10)).toEqual([]);
  });

  it('is looked at once where it is held for later, and again then', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a', { ttlMs: 3_600_000 })]));
    await engine.settle();
    const due = (await engine.journal.nextTimerDue()) ?? 0;
    expect(due).toBeGreaterThan(engine.clock.now());
    const early = { execution: 'exe_test', name: 'ttl:a', generation: 1, due: engine.clock.now() };
    await engine.journal.commit([{ appends: [], timers: [early] }]);
    for (let tick = 0; tick < 3; tick += 1) await engine.runner.tick();
    const records = await engine.journal.readStream('execution/exe_test');
    const ignored = records.filter(({ record }) => stepOf(record).facts.some(({ type }) => type === 'input.ignored'));
    expect(ignored).toHaveLength(1);
    expect(await engine.journal.nextTimerDue()).toBe(due);
  });
});

describe('stages', () => {
  it('runs the actions of a stage side by side and the next stage after them', async () => {
    engine = testEngine();
    await engine.start(
      planOf(
        [planAction('a', { target: 'a1' }), planAction('b', { target: 'b1' })],
        [planAction('c', { target: 'c1' })],
      ),
    );
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('COMPLETED');
    expect(engine.target.effects).toEqual([
      'perform ACCOUNT_SUSPEND a1',
      'perform ACCOUNT_SUSPEND b1',
      'perform ACCOUNT_SUSPEND c1',
    ]);
    expect(engine.told).toEqual(['inc_test exe_test COMPLETED']);
  });

  it('skips an action whose condition is false', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a', { condition: 'incident.confidence >= 95' }), planAction('b')]));
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'SKIPPED', b: 'SUCCESS' });
  });

  it('lets a later condition read an earlier outcome', async () => {
    engine = testEngine();
    engine.target.answer = 'passed';
    const challenge = declaration({
      type: 'STEP_UP_CHALLENGE',
      waits: true,
      holds: null,
      reversibility: 'selfRecoverable',
    });
    await engine.start(
      planOf(
        [planAction('challenge', { declaration: challenge })],
        [planAction('kill', { condition: "results.challenge.outcome != 'passed'" })],
      ),
    );
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ challenge: 'SUCCESS', kill: 'SKIPPED' });
  });
});

describe('failures', () => {
  it('retries after 1 s, 2 s and 4 s under the same key, then fails', async () => {
    engine = testEngine();
    for (let count = 0; count < 4; count += 1) engine.target.failNext('perform', 'error');
    await engine.start(planOf([planAction('a')]));
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('FAILED');
    const records = await engine.journal.readStream('execution/exe_test');
    const facts = records.flatMap(({ record }) => stepOf(record).facts);
    const keys = new Set(facts.flatMap((fact) => (fact.type === 'attempt.started' ? [fact.key] : [])));
    expect(keys.size).toBe(1);
    expect(engine.clock.now() - (await stateOf()).startedAt).toBe(7_000);
  });

  it('reads the target instead of repeating when the reply is lost', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'lost_reply');
    await engine.start(planOf([planAction('a')]));
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('COMPLETED');
    expect(engine.target.calls.filter((call) => call.startsWith('perform'))).toHaveLength(1);
  });

  it('sends an unknown result that cannot be read back to a person', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'unreachable');
    const blind = declaration({ readBack: false, idempotency: 'none', holds: null, reversibility: 'irreversible' });
    await engine.start(planOf([planAction('a', { declaration: blind })]));
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'UNKNOWN' });
    expect(engine.target.calls.filter((call) => call.startsWith('perform'))).toHaveLength(1);
  });

  it('undoes what was performed, newest first, when an action says so', async () => {
    engine = testEngine();
    await engine.start(
      planOf(
        [planAction('a', { target: 'a1' })],
        [planAction('b', { target: 'b1' })],
        [planAction('c', { target: 'c1', onFailure: 'COMPENSATE' })],
      ),
    );
    engine.target.gate = async (call) => {
      if (call === 'perform c1')
        throw new (await import('../../src/pipeline/actions/contract.ts')).ConnectorError('refused', 'no', {
          retryable: false,
          resultUnknown: false,
        });
    };
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('ROLLED_BACK');
    expect(engine.target.effects.slice(2)).toEqual(['undo ACCOUNT_SUSPEND b1', 'undo ACCOUNT_SUSPEND a1']);
  });

  it('fails an action by name when its target resolves to nothing', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a', { target: '{{event.host_id}}' })]));
    await engine.runUntilQuiet();
    const { actions } = await stateOf();
    expect(actions['a']?.status).toBe('FAILED');
    expect(actions['a']?.reason).toContain('target');
    expect(engine.target.calls).toEqual([]);
  });

  it('retries settled failures for a person with a new key and goes on with the later stages', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'refused');
    await engine.start(planOf([planAction('a', { onFailure: 'HALT' })], [planAction('b')]));
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('FAILED');
    await engine.runner.submit('exe_test', { type: 'retry', by: { type: 'person', id: 'usr_1' } });
    await engine.runUntilQuiet();
    // The same hold, under the key of the retry: the second one shares it.
    expect(await statusesOf()).toEqual({ a: 'SUCCESS', b: 'SKIPPED' });
    expect(statusOf(await stateOf())).toBe('COMPLETED');
  });
});

describe('approvals', () => {
  const gated = planOf([planAction('a', { gates: [gate()] })]);

  async function pending() {
    const approval = Object.values((await stateOf()).approvals).find(({ status }) => status === 'PENDING');
    if (approval === undefined) throw new Error('nothing is pending');
    return approval;
  }

  async function vote(
    userId: string,
    decision: 'APPROVE' | 'DENY',
    roles: readonly ['SECURITY_ADMIN'] | readonly ['AUDITOR'] = ['SECURITY_ADMIN'],
  ) {
    const { id, intentHash } = await pending();
    const { facts } = await engine.runner.submit('exe_test', {
      type: 'vote',
      approvalId: id,
      decision,
      intentHash,
      voter: voter(userId, roles),
      comment: null,
    });
    return facts.map(({ type }) => type);
  }

  it('does nothing before the approval and goes on after it', async () => {
    engine = testEngine();
    await engine.start(gated);
    await engine.settle();
    expect(statusOf(await stateOf())).toBe('AWAITING_APPROVAL');
    expect(engine.target.calls).toEqual([]);
    expect(await vote('usr_1', 'APPROVE')).toContain('approval.decided');
    await engine.settle();
    expect(statusOf(await stateOf())).toBe('COMPLETED');
  });

  it('needs different people', async () => {
    engine = testEngine();
    const two = gate({ requiredApprovers: 2, requirements: [{ roles: ['SECURITY_ADMIN'], k: 2, human: true }] });
    await engine.start(planOf([planAction('a', { gates: [two] })]));
    expect(await vote('usr_1', 'APPROVE')).toEqual(['vote.cast']);
    expect(await vote('usr_1', 'APPROVE')).toEqual(['vote.refused']);
    expect(await vote('usr_2', 'APPROVE')).toContain('approval.decided');
  });

  it('refuses the wrong role, records it and changes nothing', async () => {
    engine = testEngine();
    await engine.start(gated);
    expect(await vote('usr_1', 'APPROVE', ['AUDITOR'])).toEqual(['vote.refused']);
    expect(engine.target.calls).toEqual([]);
  });

  it('settles a denied action as DENIED', async () => {
    engine = testEngine();
    await engine.start(gated);
    await vote('usr_1', 'DENY');
    await engine.settle();
    expect(await statusesOf()).toEqual({ a: 'DENIED' });
  });

  it('denies when nobody answers in time', async () => {
    engine = testEngine();
    await engine.start(gated);
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'DENIED' });
    expect(engine.clock.now() - (await stateOf()).startedAt).toBe(3_600_000);
  });

  it('asks a person when the condition cannot be decided', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a', { condition: 'context.missing == "x"' })]));
    await engine.settle();
    expect((await pending()).purpose).toBe('condition_error');
    expect(engine.target.calls).toEqual([]);
  });
});

describe('fan-out', () => {
  const accounts = ['a@x', 'b@x', 'c@x'];
  const fan = planOf([planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })]);

  it('runs one child for each account and settles with them', async () => {
    engine = testEngine();
    await engine.start(fan, 'exe_test', accounts);
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual(accounts.map((account) => `perform ACCOUNT_SUSPEND ${account}`));
    expect(statusOf(await stateOf())).toBe('COMPLETED');
  });

  it('rolls the children back with the parent', async () => {
    engine = testEngine();
    const plan = planOf(
      [planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })],
      [planAction('b', { onFailure: 'COMPENSATE', target: '{{event.nothing}}' })],
    );
    await engine.start(plan, 'exe_test', accounts);
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('ROLLED_BACK');
    expect(engine.target.effects.filter((effect) => effect.startsWith('undo'))).toHaveLength(3);
  });
});

describe('holds', () => {
  it('shares a hold and restores the target only with the last one', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a')]), 'exe_1');
    await engine.runUntilQuiet();
    await engine.start(planOf([planAction('a')]), 'exe_2');
    await engine.runUntilQuiet();
    expect(await statusesOf('exe_2')).toEqual({ a: 'SKIPPED' });
    const by = { type: 'person', id: 'usr_1' } as const;
    await engine.runner.submit('exe_1', { type: 'compensate', by, reason: 'false alarm' });
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual(['perform ACCOUNT_SUSPEND alice@example.test']);
    await engine.runner.submit('exe_2', { type: 'compensate', by, reason: 'false alarm' });
    await engine.runUntilQuiet();
    expect(engine.target.effects).toEqual([
      'perform ACCOUNT_SUSPEND alice@example.test',
      'undo ACCOUNT_SUSPEND alice@example.test',
    ]);
  });
});

describe('time', () => {
  it('ends a containment by itself after its ttl', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a', { ttlMs: 60_000 })]));
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'COMPENSATED' });
    expect(statusOf(await stateOf())).toBe('COMPLETED');
  });

  it('does not count waiting for people as running time', async () => {
    engine = testEngine();
    const slow = gate({ timeoutMs: 10_000_000, fallbackBehavior: 'ALLOW_ACTION' });
    await engine.start(planOf([planAction('a', { gates: [slow] })]));
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'SUCCESS' });
  });
});

describe('cancel', () => {
  it('starts nothing more, and undoes only when asked', async () => {
    engine = testEngine();
    await engine.start(planOf([planAction('a')], [planAction('b', { gates: [gate()] })]));
    await engine.settle();
    const by = { type: 'person', id: 'usr_1' } as const;
    await engine.runner.submit('exe_test', { type: 'cancel', by, reason: 'drill', compensate: false });
    await engine.runUntilQuiet();
    expect(await statusesOf()).toEqual({ a: 'SUCCESS', b: 'SKIPPED' });
    expect(statusOf(await stateOf())).toBe('CANCELLED');
    expect(engine.target.effects).toHaveLength(1);
  });
});

describe('growth', () => {
  const fan = planOf(
    [planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })],
    [planAction('ask', { gates: [gate()] })],
  );
  const grown = (accounts: readonly string[]) => {
    const { incident } = startOf('exe_test', 'jrn_test', accounts).snapshot;
    return { type: 'incident', incident, accounts, revision: 2 } as const;
  };

  it('acts on accounts that join while a later stage waits for people', async () => {
    engine = testEngine();
    await engine.start(fan, 'exe_test', ['a@x', 'b@x']);
    await engine.settle();
    expect(statusOf(await stateOf())).toBe('AWAITING_APPROVAL');
    await engine.runner.submit('exe_test', grown(['a@x', 'b@x', 'c@x']));
    await engine.settle();
    expect(engine.target.effects.map((effect) => effect.split(' ').at(-1))).toEqual(['a@x', 'b@x', 'c@x']);
    expect(statusOf(await stateOf())).toBe('AWAITING_APPROVAL');
  });

  it('tries only the children again that failed', async () => {
    engine = testEngine();
    engine.target.failNext('perform', 'refused');
    await engine.start(planOf([planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })]), 'exe_test', [
      'a@x',
      'b@x',
    ]);
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('FAILED');
    await engine.runner.submit('exe_test', { type: 'retry', by: { type: 'person', id: 'usr_1' } });
    await engine.runUntilQuiet();
    expect(statusOf(await stateOf())).toBe('COMPLETED');
    expect([...engine.target.effects].sort()).toEqual(['perform ACCOUNT_SUSPEND a@x', 'perform ACCOUNT_SUSPEND b@x']);
  });
});

describe('running time', () => {
  it('ends an execution whose target never answers', async () => {
    engine = testEngine();
    for (let count = 0; count < 400; count += 1) engine.target.failNext('perform', 'error');
    const patient = { maxRetries: 1_000, backoffMs: 60_000, backoffMultiplier: 1 };
    await engine.start(planOf([planAction('a', { retry: patient })], [planAction('b')]));
    await engine.runUntilQuiet();
    const { actions, ended, startedAt } = await stateOf();
    expect(ended?.status).toBe('FAILED');
    expect(actions['a']?.status).toBe('TIMED_OUT');
    expect(actions['b']).toBeUndefined();
    expect((ended?.at ?? 0) - startedAt).toBe(300_000);
  });
});
