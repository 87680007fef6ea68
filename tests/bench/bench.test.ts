import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

/** That the benchmarks run and measure real work; how fast is never asserted. */

const LEVELS = z
  .array(z.looseObject({ connections: z.int(), ratioToRows: z.number().positive(), p50Ms: z.number() }))
  .min(2);

/** Beside other tests a cold server may end no execution of fifty within a second. */
const LONGER = ['--seconds', '2', '--warmup', '1'];

function bench(name: string, ...more: readonly string[]): unknown {
  const short = ['--json', '--seconds', '1', '--warmup', '0.2', ...more];
  const args = ['node_modules/tsx/dist/cli.mjs', 'bench/main.ts', name, ...short];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

describe('bench', () => {
  it('measures events beside their rows', () => {
    const { levels } = z.looseObject({ levels: LEVELS }).parse(bench('events'));
    expect(levels.map((level) => Number(level['eventsPerSecond']) > 0)).not.toContain(false);
  });

  it('measures evidence beside openssl', () => {
    const timed = z.looseObject({ seconds: z.number(), ratioToOpenssl: z.number().positive() });
    const size = z.looseObject({ sizeMiB: z.int(), preserve: timed, verify: timed, download: timed });
    const { sizes } = z
      .looseObject({ sizes: z.array(size) })
      .parse(bench('evidence', '--sizes', '4,8', '--settle', '1'));
    expect(sizes.map(({ sizeMiB }) => sizeMiB)).toEqual([4, 8]);
  });

  it('measures executions beside bare, rows and none', () => {
    const { levels } = z.looseObject({ levels: LEVELS }).parse(bench('executions', ...LONGER));
    expect(levels.map(({ connections }) => connections)).toEqual([10, 50]);
    for (const level of levels) {
      expect(Number(level['executionsPerSecond'])).toBeGreaterThan(0);
      expect(level).toMatchObject({ bare: expect.anything(), none: expect.anything(), rows: expect.anything() });
      expect(Number(level['bytesPerExecution'])).toBeGreaterThan(1_000);
    }
  });
});
