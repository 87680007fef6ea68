import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import type { StartInput } from '../../src/pipeline/executions/core/inputs.ts';
import { idempotencyKey } from '../../src/pipeline/executions/core/transition.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import type { Marks } from '../world/cells.ts';

/** One small closed world, and how much may go wrong on each way through it. All times in ms of business time. */
export interface Setting {
  /** What the target remembers of who contained it. */
  readonly marks: Marks;
  readonly idempotency: 'native-key' | 'state' | 'merge';
  /** Executions that want the same state of the same target. */
  readonly executions: number;
  /** What the target was before all of them; contained: by somebody who is none of them. */
  readonly original: 'open' | 'contained';
  /** Tries of a call beyond the first. */
  readonly retries: number;
  /** After how long a containment is taken back by itself, or null. */
  readonly ttlMs: number | null;
  /** Calls that go wrong. */
  readonly faults: number;
  /** Processes that die, or are taken for dead. Each execution has a process of its own. */
  readonly deaths: number;
  /** One that is taken for dead is only slow, and goes on. */
  readonly zombies: boolean;
  /** Acts of people: cancel, undo, retry. */
  readonly acts: number;
  /** Exploring more states than this is given up, in states. */
  readonly maxStates: number;
}

export const DEFAULT_SETTING: Setting = {
  marks: 'every',
  idempotency: 'state',
  executions: 2,
  original: 'open',
  retries: 1,
  ttlMs: null,
  faults: 1,
  deaths: 1,
  zombies: false,
  acts: 2,
  maxStates: 2_000_000,
};

/** Time limit of each call. */
export const CALL_LIMIT_MS = 1_000;

/**
 * How long after its time limit a call may still take effect. The engine counts on 5 s; a little less here, because a
 * moment is a whole number of ms and the engine may act in the ms in which its wait is over.
 */
export const STRAGGLES_MS = 4_900;

/** The execution timer is no part of this world: nothing takes that long. */
const LONG_MS = 10_000_000;
export const HORIZON_MS = 1_000_000;

export const ACTION = 'contain';
export const START_AT = 1_000_000_000;
const JOURNAL = 'jrn_explored';

export function declarationOf({ idempotency }: Setting): ActionDeclaration {
  return {
    type: 'ACCOUNT_SUSPEND',
    connector: 'outside',
    targetType: 'user',
    idempotency,
    reversibility: 'undo',
    readBack: true,
    // The target shows at once what was done: settling is the business of the core's own tests.
    settleMs: 0,
    waits: false,
    holds: 'account.suspended',
    // Nobody is told the end.
    contains: false,
  };
}

/** One action, taken back when it fails: the smallest plan in which everything about holds can happen. */
export function planOf(setting: Setting): Plan {
  const action = {
    actionId: ACTION,
    declaration: declarationOf(setting),
    target: 'alice',
    parameters: {},
    condition: null,
    forEach: null,
    onFailure: 'COMPENSATE',
    onDenied: 'CONTINUE',
    retry: { maxRetries: setting.retries, backoffMs: 0, backoffMultiplier: 1 },
    timeoutMs: CALL_LIMIT_MS,
    waitMs: LONG_MS,
    ttlMs: setting.ttlMs,
    gates: [],
    question: null,
  } as const;
  return {
    planVersion: 1,
    playbookId: 'explored',
    playbookVersion: 1,
    name: 'Explored',
    playbookType: 'CUSTOM',
    executionTimeoutMs: LONG_MS,
    stages: [{ stage: 1, actions: [action] }],
  };
}

export const nameOf = (execution: number): string => String.fromCharCode(65 + execution);

export function startOf(execution: number): StartInput {
  const subject = { id: 'alice', type: 'user' };
  return {
    at: START_AT,
    authorIds: [],
    executionId: nameOf(execution),
    journalId: JOURNAL,
    parent: null,
    planHash: 'explored',
    requester: { id: 'engine', type: 'engine' },
    riskLevel: 'HIGH',
    snapshot: {
      accounts: [],
      context: {},
      event: {},
      incident: { id: 'incident', subject },
      user: { id: subject.id },
    },
    type: 'start',
  };
}

/** Short names of all keys that can occur: `A.perform.1`, and `A.undo.1`. */
export function keyNames(executions: number, generations: number): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (let index = 0; index < executions; index += 1)
    for (let generation = 1; generation <= generations; generation += 1)
      for (const direction of ['perform', 'undo'] as const) {
        const key = idempotencyKey({ journalId: JOURNAL, id: nameOf(index) }, ACTION, direction, generation);
        names.set(key, `${nameOf(index)}.${direction}.${generation}`);
      }
  return names;
}
