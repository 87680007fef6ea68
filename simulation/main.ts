import { parseArgs } from 'node:util';
import { huntAll } from './planted/hunt.ts';
import { runSeeds } from './run-seeds.ts';

/*
 * npm run simulate -- --seeds N [--from S] [--steps 60]    N worlds, each twice; both traces must be the same
 * npm run simulate -- --seed S --trace                     one world, told line by line
 * npm run simulate -- --planted [--only NAME] [--units]    hunts the planted bugs and prints the table
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    steps: { type: 'string', default: '60' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    only: { type: 'string' },
    units: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.planted) {
  process.exitCode = (await huntAll({
    seeds: Number(values.seeds ?? 3_000),
    only: values.only ?? null,
    units: values.units,
    say,
  }))
    ? 0
    : 1;
} else {
  const { failed } = await runSeeds({
    from: Number(values.seed ?? values.from),
    seeds: values.seed === undefined ? Number(values.seeds ?? 1_000) : 1,
    steps: Number(values.steps),
    twice: !values.once && !values.trace,
    stop: values.stop,
    show: values.trace ? say : null,
    say,
  });
  process.exitCode = failed === 0 ? 0 : 1;
}
