import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { collectYoung } from './collect-young.ts';

const MIB = 1024 * 1024;
/** Far more than the engine needs to give back what it has collected. */
const TURNS = 2_000;

it('gives back buffers that nobody holds any more', async () => {
  const before = process.memoryUsage().arrayBuffers;
  // As many as would be in the way; each is garbage at once.
  const lengths = Array.from({ length: 8 }, () => new ArrayBuffer(MIB).byteLength);
  expect(lengths).toEqual(lengths.map(() => MIB));
  expect(collectYoung()).toBe(true);
  for (let turn = 0; turn < TURNS && process.memoryUsage().arrayBuffers - before >= MIB; turn += 1)
    await setImmediate();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
});
