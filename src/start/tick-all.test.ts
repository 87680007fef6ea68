import { expect, it } from 'vitest';
import { openDeadlines } from './deadlines.ts';
import { openTasks } from './tasks.ts';
import { tickAll } from './tick-all.ts';
import { openVendors } from './vendors.ts';

it('adds up what there was', async () => {
  expect(
    await tickAll(
      async () => 1,
      async () => 2,
    ),
  ).toBe(3);
});

it.each([
  ['deadlines', openDeadlines],
  ['escalations of vendors', openVendors],
  ['tasks', openTasks],
])('timers of %s are looked for also while those of executions cannot be', async (_name, open) => {
  let looks = 0;
  async function dueTimers() {
    looks += 1;
    return [];
  }
  // Only these members are asked for.
  const ports = { journal: { dueTimers }, clock: { now: () => 0 }, onError: () => undefined } as never;
  const room = open(ports);
  const runner = { idle: true, tick: () => Promise.reject(new Error('the store is away')) } as never;
  const { tick } = room.beside(runner);
  for (let times = 0; times < 3; times += 1) await expect(tick()).rejects.toThrow('the store is away');
  expect(looks).toBe(3);
});
