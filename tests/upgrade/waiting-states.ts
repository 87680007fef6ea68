import { testEngine, TEST_START, type TestEngine } from '../support/engine.ts';
import { callOf } from '../support/person.ts';
import { declaration, gate, planAction, planOf } from '../support/plans.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';

/**
 * One execution for each state in which an execution can wait, all in one journal whose process is then gone without a
 * word. What the present release writes here, every later one has to finish.
 */
interface Waiting {
  readonly plan: Plan;
  readonly accounts?: readonly string[];
  /** Faults of the target, in the order of its calls. */
  readonly faults?: readonly (readonly [kind: string, fault: 'error' | 'unreachable'])[];
  /** The call that never comes back: `perform interrupted`. */
  readonly hangs?: string;
  /** Done to it once it is settled (or hangs). */
  afterwards?(engine: TestEngine, id: string): Promise<void>;
  /** The phase of each of its actions when the process is gone. */
  readonly stopped: readonly string[];
  /** Begun while everything is paused. */
  readonly paused?: true;
  /** The first release whose journal holds it; absent: the first of all. */
  readonly since?: string;
  /** How it ends when approvals are given, questions approved, challenges passed and time goes on. */
  readonly ends: string;
}

const free = declaration({ holds: null });

const WAITING: Readonly<Record<string, Waiting>> = {
  exe_approval: {
    plan: planOf([planAction('gated', { target: 'approval', gates: [gate()] })]),
    stopped: ['awaiting_approval'],
    ends: 'COMPLETED',
  },
  exe_question: {
    plan: planOf([
      planAction('ask', {
        target: 'question',
        declaration: free,
        question: {
          text: 'Was this legitimate?',
          requirements: [{ roles: ['SECURITY_ADMIN'], k: 1, human: true }],
          requiredApprovers: 1,
          timeoutMs: 3_600_000,
        },
      }),
    ]),
    stopped: ['waiting'],
    ends: 'COMPLETED',
  },
  exe_step_up: {
    plan: planOf([
      planAction('challenge', {
        target: 'step_up',
        declaration: declaration({ type: 'STEP_UP_CHALLENGE', waits: true, holds: null }),
      }),
    ]),
    stopped: ['waiting'],
    ends: 'COMPLETED',
  },
  exe_backoff: {
    plan: planOf([planAction('again', { target: 'backoff' })]),
    faults: [['perform', 'error']],
    stopped: ['backoff'],
    ends: 'COMPLETED',
  },
  exe_settling: {
    plan: planOf([planAction('slow', { target: 'settling', declaration: declaration({ settleMs: 30_000 }) })]),
    faults: [['perform', 'unreachable']],
    stopped: ['settling'],
    ends: 'COMPLETED',
  },
  exe_hold: {
    plan: planOf([planAction('block', { target: 'hold', ttlMs: 3_600_000 })]),
    stopped: ['settled'],
    ends: 'COMPLETED',
  },
  exe_fan_out: {
    plan: planOf([planAction('kill', { forEach: 'accounts', target: '{{user.id}}' })]),
    accounts: ['x@fan', 'y@fan'],
    hangs: 'perform y@fan',
    stopped: ['children'],
    ends: 'COMPLETED',
  },
  exe_undo: {
    plan: planOf(
      [planAction('first', { target: 'undo1' })],
      [planAction('second', { target: 'undo2', gates: [gate()] })],
    ),
    hangs: 'undo undo1',
    async afterwards({ runner }, id) {
      await runner.submit(id, {
        type: 'cancel',
        by: { type: 'person', id: 'usr_1' },
        reason: 'wrong',
        compensate: true,
      });
    },
    stopped: ['undoing', 'settled'],
    ends: 'ROLLED_BACK',
  },
  exe_interrupted: {
    plan: planOf([planAction('call', { target: 'interrupted' })]),
    hangs: 'perform interrupted',
    stopped: ['performing'],
    ends: 'COMPLETED',
  },
  exe_paused: {
    plan: planOf([planAction('call', { target: 'paused' })]),
    since: '0.2.0',
    paused: true,
    stopped: ['paused'],
    ends: 'COMPLETED',
  },
};

/** What waits in the journal of a release, by its version; null: of the present code. */
export function waitingIn(release: string | null): readonly (readonly [id: string, waiting: Waiting])[] {
  const order = (version: string): string =>
    version
      .split('.')
      .map((part) => part.padStart(6, '0'))
      .join('.');
  const all = Object.entries(WAITING);
  return release === null ? all : all.filter(([, { since = '0.0.0' }]) => order(since) <= order(release));
}

/** An engine in which every execution waits as it should; the process is gone, the file stays. */
export async function stopWaiting(file: string): Promise<{ readonly stoppedAt: number }> {
  const engine = testEngine({ file });
  const hanging = new Set(Object.values(WAITING).flatMap(({ hangs }) => hangs ?? []));
  engine.target.gate = (call) => (hanging.has(call) ? new Promise(() => undefined) : Promise.resolve());
  for (const [id, { plan, accounts = [], faults = [], hangs, afterwards, paused }] of Object.entries(WAITING)) {
    if (paused === true) await engine.pause.pause(callOf('usr_1', engine.clock.now()), { reason: 'drill' });
    for (const [kind, fault] of faults) engine.target.failNext(kind, fault);
    await engine.start(plan, id, accounts);
    await atRest(engine, afterwards === undefined ? hangs : undefined);
    await afterwards?.(engine, id);
    if (afterwards !== undefined) await atRest(engine, hangs);
  }
  const stoppedAt = engine.clock.now();
  await engine.crash();
  return { stoppedAt: Math.max(stoppedAt, TEST_START) };
}

/** Until nothing is under way but the calls that hang. */
async function atRest(engine: TestEngine, hangs: string | undefined): Promise<void> {
  const hung = (): boolean => hangs === undefined || engine.target.calls.includes(hangs);
  for (let quietTurns = 0; quietTurns < 50; quietTurns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!hung() || engine.committer.busy || engine.runner.waiting > 0) quietTurns = 0;
  }
}
