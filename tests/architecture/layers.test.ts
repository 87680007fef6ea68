import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

/** The rules are run by `npm run layers`; here it is made sure that they looked at the tree at all. */
describe('the layer rules', () => {
  it('cruise the whole of src, types included, and find nothing', () => {
    const cruise = spawnSync(
      process.execPath,
      [
        'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
        'src',
        '--config',
        '.dependency-cruiser.cjs',
        '-T',
        'json',
      ],
      { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
    );
    const { summary } = RESULT.parse(JSON.parse(cruise.stdout));
    expect(summary.violations).toEqual([]);
    // A parser that cannot read TypeScript finds no modules and reports success.
    expect(summary.totalCruised).toBeGreaterThan(200);
    expect(summary.totalDependenciesCruised).toBeGreaterThan(1_000);
  });
});

const RESULT = z.object({
  summary: z.looseObject({
    violations: z.array(z.unknown()),
    totalCruised: z.number(),
    totalDependenciesCruised: z.number(),
  }),
});
