import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyedSemaphore } from './keyed-semaphore.ts';

describe('keyedSemaphore', () => {
  it('never runs more than allowed of one key, and runs all, in order of arrival', async () => {
    const job = fc.record({ key: fc.constantFrom('a', 'b'), turns: fc.nat(4), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(job, { maxLength: 12 }), async (most, jobs) => {
        const semaphore = keyedSemaphore(most);
        const running = new Map<string, number>();
        const begun: number[] = [];
        const work = jobs.map(({ key, turns, fails }, index) =>
          semaphore.run(key, async () => {
            begun.push(index);
            running.set(key, (running.get(key) ?? 0) + 1);
            expect(running.get(key)).toBeLessThanOrEqual(most);
            for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
            running.set(key, (running.get(key) ?? 0) - 1);
            if (fails) throw new Error('failed');
          }),
        );
        const results = await Promise.allSettled(work);
        expect(results.map(({ status }) => status === 'rejected')).toEqual(jobs.map(({ fails }) => fails));
        for (const key of ['a', 'b']) {
          const own = begun.filter((index) => jobs[index]?.key === key);
          expect(own).toEqual([...own].sort((left, right) => left - right));
        }
      }),
    );
  });
});
