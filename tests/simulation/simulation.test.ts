import { describe, expect, it } from 'vitest';
import { runWorld } from '../../simulation/world/world.ts';

/** Worlds that are lived in every run of the tests; `npm run simulate -- --seeds N` lives more of them. */
const SEEDS = 2_000;
/** Mishaps and acts of people in each world. */
const STEPS = 60;
/** Worlds in one test, so that a failure is told early and no test runs for minutes. */
const AT_ONCE = 250;
/** Every so many worlds, one is lived twice. */
const TWICE_EVERY = 20;

const blocks = Array.from({ length: SEEDS / AT_ONCE }, (_, block) => 1 + block * AT_ONCE);

describe('simulated worlds', () => {
  it.each(blocks)(
    'from seed %i keep every promise',
    async (from) => {
      const failures: string[] = [];
      for (let seed = from; seed < from + AT_ONCE; seed += 1) {
        const { broken, digest } = await runWorld({ seed, steps: STEPS });
        failures.push(...broken.map((what) => `npm run simulate -- --seed ${seed} --trace: ${what}`));
        if (seed % TWICE_EVERY !== 0) continue;
        const again = await runWorld({ seed, steps: STEPS, judged: broken.length > 0 });
        if (again.digest !== digest) failures.push(`seed ${seed} is not the same twice`);
      }
      expect(failures).toEqual([]);
    },
    120_000,
  );

  it('keep every promise for long: ten times as many mishaps', async () => {
    const failures: string[] = [];
    for (let seed = 4_001; seed <= 4_020; seed += 1) {
      const { broken } = await runWorld({ seed, steps: STEPS * 10 });
      failures.push(
        ...broken.map((what) => `npm run simulate -- --seed ${seed} --steps ${STEPS * 10} --trace: ${what}`),
      );
    }
    expect(failures).toEqual([]);
  });

  it('differ from seed to seed, and reach every kind of mishap', async () => {
    const digests = new Set<string>();
    const faults = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const result = await runWorld({ seed, steps: STEPS });
      digests.add(result.digest);
      for (const name of result.faults.keys()) faults.add(name);
    }
    expect(digests.size).toBe(60);
    expect([...faults].sort()).toEqual([
      'clock jump',
      'crash',
      'everything paused',
      'pause',
      'repeated answer',
      'repeated timer',
      'store',
      'stranger',
    ]);
  });
});
