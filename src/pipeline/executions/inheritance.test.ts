import { afterEach, describe, expect, it, vi } from 'vitest';
import { declaration, planAction, planOf, startOf } from '../../../tests/support/plans.ts';
import type { QueuedEffect } from '../../journal/membership.ts';
import { NO_CRASH_POINTS } from '../../platform/crash-points.ts';
import { realMachine } from '../../platform/machine.ts';
import { decide } from './core/decide.ts';
import { effectsOf } from './core/demands.ts';
import type { StartInput } from './core/inputs.ts';
import type { Loaded } from './execution-store.ts';
import { createInheritance, type InheritancePorts } from './inheritance.ts';
import { createMailboxes } from './mailboxes.ts';

/** What a process goes on with that it took over or holds, over FAKES of the store, of the launcher and of the other processes. */

afterEach(() => vi.restoreAllMocks());

const KEYED = { idempotency: 'native-key', readBack: false, reversibility: 'irreversible' } as const;
const PLAN = planOf([planAction('a', { declaration: declaration({ ...KEYED, holds: null, contains: false }) })]);
const START = { type: 'start', at: 0, planHash: 'sha256:x', ...startOf('exe_0') } as StartInput;
const { state: STARTED } = decide(PLAN, null, START);
/** A call that may simply be sent again, so that it is still owed when it was interrupted. */
const NAME = effectsOf(PLAN, STARTED).find(({ kind }) => kind === 'perform')?.name ?? '';

function world({ claimable = [], held = [] }: Partial<Record<'claimable' | 'held', readonly QueuedEffect[]>> = {}) {
  const left = [...claimable];
  const launched: string[] = [];
  const interrupted: string[] = [];
  let reading: Promise<void> = Promise.resolve();
  const store: Pick<InheritancePorts['store'], 'load'> = {
    async load(id): Promise<Loaded> {
      await reading;
      return { plan: PLAN, state: { ...STARTED, id }, seq: 1, trace: undefined };
    },
  };
  const mailboxes = createMailboxes(realMachine, async (id, letters) => {
    for (const { input, resolve } of letters) {
      if (input.type === 'interrupted') interrupted.push(id);
      resolve({ facts: [], state: { ...STARTED, id } });
    }
  });
  const underWay = new Set<string>();
  const inheritance = createInheritance({
    members: { processId: 'prc_1', held: async () => held, claim: async (limit) => left.splice(0, limit) },
    machine: realMachine,
    clock: { now: () => 0, monotonic: () => 0, accelerated: false },
    closing: new AbortController().signal,
    points: NO_CRASH_POINTS,
    store: store as InheritancePorts['store'], // only read
    mailboxes,
    launcher: () => ({
      launch(loaded, effect) {
        launched.push(loaded.state.id);
        underWay.add(`${loaded.state.id} ${effect.name}`);
      },
      inFlight: 0,
      isUnderWay: (id, name) => underWay.has(`${id} ${name}`),
    }),
    tell: () => undefined,
    stuck: {
      failed(_id, thrown) {
        throw thrown;
      },
      succeeded: () => undefined,
    },
  });
  /** Reads of executions wait until the answer is called. */
  const holdReads = (): (() => void) => {
    let go = (): void => undefined;
    reading = new Promise((resolve) => (go = resolve));
    return () => go();
  };
  return { inheritance, launched, interrupted, holdReads };
}

const entryOf = (execution: string, name = NAME): QueuedEffect => ({ execution, name, body: {} });
const ids = (count: number) => Array.from({ length: count }, (_, index) => `exe_${index}`);

describe('what was left', () => {
  it('is gone on with once, also where what is held is looked up while it is taken over', async () => {
    const entries = [entryOf('exe_1')];
    const { inheritance, launched, interrupted, holdReads } = world({ claimable: entries, held: entries });
    const go = holdReads();
    const both = Promise.all([inheritance.takeOver(), inheritance.catchUp()]);
    // Both have come as far as they get without the store's answer.
    for (let turn = 0; turn < 20; turn += 1) await realMachine.turn();
    go();
    await both;
    expect({ interrupted, launched }).toEqual({ interrupted: ['exe_1'], launched: ['exe_1'] });
  });

  it('of many executions is taken over without going through all of it for each', async () => {
    const count = 2_000;
    const { inheritance, launched } = world({ claimable: ids(count).map((id) => entryOf(id)) });
    let lookedAt = 0;
    for (const walk of ['values', 'keys', 'entries'] as const) {
      const walked = Map.prototype[walk];
      vi.spyOn(Map.prototype, walk).mockImplementation(function count(this: Map<unknown, unknown>) {
        lookedAt += this.size;
        return walked.call(this) as never; // the same walk
      });
    }
    await inheritance.takeOver();
    expect(launched).toHaveLength(count);
    expect(lookedAt).toBeLessThan(10 * count);
  });

  it('and is held, of many executions, is found without going through all of it for each', async () => {
    const count = 2_000;
    let lookedAt = 0;
    const held = ids(count).map((id) => ({
      name: NAME,
      body: {},
      get execution() {
        lookedAt += 1;
        return id;
      },
    }));
    const { inheritance, launched } = world({ held });
    await inheritance.catchUp();
    expect(launched).toHaveLength(count);
    expect(lookedAt).toBeLessThan(10 * count);
  });

  it('for people is handed out once, beside the effects of the same execution', async () => {
    const { inheritance, launched } = world({ claimable: [entryOf('exe_1'), entryOf('exe_1', 'deliver')] });
    expect((await inheritance.takeOver()).map(({ name }) => name)).toEqual(['deliver']);
    expect(await inheritance.takeOver()).toEqual([]);
    expect(launched).toEqual(['exe_1']);
  });
});
