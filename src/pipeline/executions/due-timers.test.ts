import { expect, it } from 'vitest';
import type { Change, Timer } from '../../journal/journal.ts';
import { NO_CRASH_POINTS } from '../../platform/crash-points.ts';
import { createDueTimers } from './due-timers.ts';
import { stuckExecutions } from './stuck.ts';

const NOW = 1_000_000;
const TIMER: Timer = { execution: 'exe_1', name: 'approval:1', generation: 1, due: NOW };

/** Looks once, with an execution that cannot be read. @param others what others do before it is put off */
async function afterALook(others: (timers: Timer[]) => void): Promise<readonly Change[]> {
  const timers = [TIMER];
  const changes: Change[] = [];
  const dueTimers = createDueTimers({
    journal: { dueTimers: async () => [...timers], streamHead: async () => ({ seq: 7, hash: '' }) },
    committer: {
      async submit(change) {
        changes.push(change);
        return { status: 'applied', hashes: [] };
      },
    },
    clock: { now: () => NOW },
    points: NO_CRASH_POINTS,
    async submit() {
      others(timers);
      throw new Error('written by a newer version');
    },
    stuck: stuckExecutions({ monotonic: () => 0, onError: () => undefined }),
  });
  expect(await dueTimers.tick()).toBe(1);
  return changes;
}

it('puts a timer off only as long as nobody has gone on with its execution', async () => {
  const [change] = await afterALook(() => undefined);
  expect(change?.appends).toEqual([{ stream: 'execution/exe_1', expectedSeq: 7, records: [] }]);
  expect(change?.timers).toEqual([{ ...TIMER, due: NOW + 30_000 }]);
});

it('leaves a timer alone that somebody has applied or replaced meanwhile', async () => {
  expect(await afterALook((timers) => timers.pop())).toEqual([]);
  expect(await afterALook((timers) => timers.splice(0, 1, { ...TIMER, generation: 2 }))).toEqual([]);
});
