import { expect, it } from 'vitest';
import { steeredClock, type SteeredClock } from '../../platform/clock.ts';
import { keepAcceleratedTime, type AcceleratedPorts } from './timekeeper.ts';
import type { Runner } from './runner.ts';

const HOUR = 3_600_000;
/** Machine time between two looks of the test, in ms. */
const LOOK_MS = 10;

/** Business time after one second of machine time in which nothing happens and the next timer is due in an hour. */
async function afterASecond(paused: boolean): Promise<number> {
  const closing = new AbortController();
  let monotonic = 0;
  const clock: SteeredClock = { ...steeredClock(0), monotonic: () => monotonic };
  // Only these two members are asked for.
  const runner = { idle: true, tick: async () => 0 } as unknown as Runner;
  const ports: AcceleratedPorts = {
    runner,
    journal: { nextTimerDue: async () => HOUR, listViews: async () => ({ items: [], total: 0 }) },
    members: { leads: async () => true },
    machine: {
      turn: async () => undefined,
      after: () => () => undefined,
      async sleep() {
        monotonic += LOOK_MS;
        if (monotonic >= 1_000) closing.abort();
      },
    },
    closing: closing.signal,
    quiet: () => true,
    paused: () => paused,
    announce: async () => undefined,
    onError(thrown) {
      throw thrown;
    },
  };
  await keepAcceleratedTime(ports, clock);
  return clock.now();
}

it('accelerated time jumps to the next timer, and only runs faster while everything is paused: people are awaited', async () => {
  expect(await afterASecond(false)).toBe(HOUR);
  expect(await afterASecond(true)).toBeLessThanOrEqual(60_000);
});
