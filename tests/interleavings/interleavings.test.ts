import { afterAll, describe, expect, it } from 'vitest';
import { append, AT } from '../support/journal-conformance.ts';
import { sharedCluster } from '../support/postgres.ts';
import { DivergedError } from './schedules.ts';
import { exploreScenario, type Scenario } from './scenario.ts';
import { commit, commitAll, COMMITS, TWO } from './scenarios/commits.ts';
import { LOG } from './scenarios/log.ts';
import { LOST_COMMITS } from './scenarios/lost-commits.ts';
import { MEMBERS } from './scenarios/members.ts';
import { RETENTION } from './scenarios/retention.ts';
import { TIMERS } from './scenarios/timers.ts';
import { TURNS } from './scenarios/turns.ts';
import { keepWorlds } from './world.ts';

/**
 * The PostgreSQL adapter under every order of the statements of a few connections, within bounds. `FIREBREAK_INTERLEAVINGS=all`
 * goes to two preemptions everywhere; `FIREBREAK_SCHEDULE='a b b a'` with `-t` runs one schedule of one scenario again.
 */

const shared = sharedCluster({ autovacuum: 'off', deadlock_timeout: '1ms' });
const worlds = keepWorlds(() => shared.cluster());
afterAll(async () => {
  await worlds.close();
  await shared.remove();
});

const all = process.env['FIREBREAK_INTERLEAVINGS'] === 'all';
const given = process.env['FIREBREAK_SCHEDULE'];
const only = given === undefined ? null : given.split(' ').filter((token) => token !== '');

/** Gives up and fails on purpose. */
const DOOMED: Scenario = {
  name: 'a scenario that fails',
  processes: TWO,
  prepare: (world) => commitAll(world, 'one', append('s', 0, AT)),
  programs: (world) => ({
    a: commit(world, 'one', append('s', 1, AT)),
    b: commit(world, 'two', append('s', 1, AT)),
  }),
  check: (played) => {
    if (played.trace.some((line) => line.includes('(waits for a)'))) throw new Error('somebody waits');
  },
  suite: { preemptions: 1, faults: 0, schedules: 100, atLeast: 1 },
};

const SCENARIOS = [...COMMITS, ...LOST_COMMITS, ...LOG, ...MEMBERS, ...TIMERS, ...RETENTION, ...TURNS];

describe.skipIf(shared.skip !== null)('interleavings', { timeout: all ? 3_600_000 : 120_000 }, () => {
  it('tell with which schedule something failed, which fails the same way alone', async () => {
    const failure = await exploreScenario(worlds, DOOMED, { all: false, only: null }).then(String, String);
    expect(failure).toContain('a scenario that fails: somebody waits');
    const [, schedule = ''] = /schedule: (.*)\n/.exec(failure) ?? [];
    expect(schedule).toBe('a a b b a a b b');
    expect(failure).toContain('  b   present (waits for a)\n');
    const again = await exploreScenario(worlds, DOOMED, { all: false, only: schedule.split(' ') }).then(String, String);
    expect(again).toBe(failure);
  });

  it('can be given up in the middle, whoever waits for whom', async () => {
    for (const broken of ['a a b b nobody', 'a a a a+ nobody']) {
      const given = exploreScenario(
        worlds,
        { ...DOOMED, losesCommits: ['a'] },
        { all: false, only: broken.split(' ') },
      );
      await expect(given).rejects.toBeInstanceOf(DivergedError);
    }
    const after = await exploreScenario(worlds, DOOMED, { all: false, only: ['a', 'a', 'a', 'a'] });
    // The world is whole again: all steps of it were taken, and more where a busy machine had a statement time out.
    expect(after.steps).toBeGreaterThanOrEqual(8);
  });

  for (const scenario of SCENARIOS) {
    it(`${scenario.name}`, async () => {
      const report = await exploreScenario(worlds, scenario, { all, only });
      const { schedules, complete, diverged, steps, cpuMs } = report;
      const count = `${schedules} schedules${complete ? '' : ' (more are left out)'}, ${steps} steps`;
      process.stdout.write(`interleavings: ${scenario.name}: ${count}, ${diverged} repeated, ${cpuMs} ms of CPU\n`);
      if (only === null) expect(schedules).toBeGreaterThanOrEqual(scenario.suite.atLeast);
      else process.stdout.write(`${report.trace.map((line) => `  ${line}\n`).join('')}`);
    });
  }
});
