import { expect } from 'vitest';
import type { Change } from '../../../src/journal/journal.ts';
import { AT } from '../../support/journal-conformance.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { commitAll, THREE } from './commits.ts';

const STREAM = 'execution/e';

/** The records of this execution say which generation of its one timer stands, and that is all there is to it. */
function change(seq: number, data: { readonly fired: number } | { readonly armed: number }): Change {
  const records = [{ type: 'execution.advanced', v: 1, at: AT, data }];
  const timer = { execution: 'e', name: 't' };
  const timers =
    'armed' in data
      ? [{ ...timer, generation: data.armed, due: AT + data.armed }]
      : [{ ...timer, generation: data.fired, due: null }];
  return { appends: [{ stream: STREAM, expectedSeq: seq, records }], timers };
}

/** What the execution is now: the newest seq, and the generation of the timer that stands, if one does. */
async function stateOf(world: World, process: string): Promise<{ readonly seq: number; readonly armed: unknown }> {
  const last = (await world.journal(process).readStream(STREAM)).at(-1)?.record;
  return { seq: last?.seq ?? 0, armed: last?.data['armed'] ?? null };
}

/** Fires what is due as any process does: decided from the records, and again when somebody else was first. */
async function fire(world: World, process: string): Promise<string> {
  const journal = world.journal(process);
  const [timer] = await journal.dueTimers(AT + 1, 1);
  if (timer === undefined) return 'nothing is due';
  for (;;) {
    const { seq, armed } = await stateOf(world, process);
    if (armed !== timer.generation) return 'no longer due';
    const [result] = await journal.commit([change(seq, { fired: timer.generation })]);
    if (result?.status === 'applied') return 'fired';
  }
}

/** Sets the timer anew, whatever became of it meanwhile. */
async function rearm(world: World, process: string): Promise<string> {
  for (;;) {
    const { seq } = await stateOf(world, process);
    const [result] = await world.journal(process).commit([change(seq, { armed: 2 })]);
    if (result?.status === 'applied') return 'armed';
  }
}

export const TIMERS: readonly Scenario[] = [
  {
    name: 'two apply one timer while a third sets it anew',
    processes: THREE,
    prepare: (world) => commitAll(world, 'one', change(0, { armed: 1 })),
    programs: (world) => ({
      a: () => fire(world, 'one'),
      b: () => fire(world, 'two'),
      c: () => rearm(world, 'three'),
    }),
    check(played, rows) {
      const fired = ['a', 'b'].filter((thread) => answerOf(played, thread) === 'fired');
      expect(fired.length).toBeLessThanOrEqual(1);
      // One record when it was set, one for each that was told that it fired it, and one for the new setting.
      expect(rows.records).toHaveLength(2 + fired.length);
      expect(rows.timers).toEqual([{ execution: 'e', name: 't', generation: 2, due: AT + 2 }]);
    },
    reaches: [/a ended with "fired"/, /b ended with "fired"/, /ended with "no longer due"/, /waits for/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 40 },
    all: { schedules: 1_000 },
  },
];
