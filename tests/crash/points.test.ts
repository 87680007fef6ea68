import { afterAll, beforeAll, expect, it } from 'vitest';
import { STOP_POINTS, tell, type Telling } from '../support/crash-matrix.ts';
import { sqliteHouse, type House } from '../support/crash-places.ts';
import { STORIES } from '../support/crash-stories.ts';
import type { StopPoint } from '../support/mortal.ts';
import { BUILTIN_PLAYBOOKS } from '../../src/pipeline/playbooks/builtin/builtins.ts';

/** The matrix beside this stops at every passing of every point; here it is made sure that it comes to all of them. */

let house: House;
beforeAll(async () => {
  house = await sqliteHouse();
});
afterAll(() => house.remove());

const NAMES = Object.keys(STORIES) as (keyof typeof STORIES)[]; // its own keys

it('tells a story of every built-in playbook', () => {
  const told = new Set<string>(Object.values(STORIES).map(({ playbookId }) => playbookId));
  expect(BUILTIN_PLAYBOOKS.map(({ playbookId }) => playbookId).filter((id = '') => !told.has(id))).toEqual([]);
});

it('comes to every point, in a calm run or when it goes on after a stop', async () => {
  const rows = new Map<StopPoint, number[]>(STOP_POINTS.map((point) => [point, []]));
  const count = ({ lives }: Telling): void => {
    for (const [point, row] of rows) row.push(lives.at(-1)?.passed.get(point) ?? 0);
  };
  for (const name of NAMES) count(await tell(house, name, []));
  // Who goes on with a call that was under way comes to the points of a take-over.
  count(await tell(house, 'privilege action', [{ point: 'perform.send', nth: 1 }]));
  const width = Math.max(...STOP_POINTS.map((point) => point.length));
  const lines = [...rows].map(
    ([point, row]) => `${point.padEnd(width)} ${row.map((n) => `${n}`.padStart(5)).join('')}`,
  );
  process.stdout.write(`Passings of each point in: ${NAMES.join(', ')}, a recovery\n${lines.join('\n')}\n`);
  const never = [...rows].filter(([, row]) => row.every((passings) => passings === 0)).map(([point]) => point);
  expect(never).toEqual([]);
});

it.each(['takeover.claimed', 'takeover.interrupted'] as const)(
  'ends the same when who goes on is stopped at %s',
  async (point) => {
    for (const name of NAMES) {
      const calm = await tell(house, name, []);
      const calls = calm.lives[0]?.passed.get('perform.send') ?? 0;
      for (let nth = 1; nth <= calls; nth += 1) {
        const { end, lives } = await tell(house, name, [
          { point: 'perform.send', nth },
          { point, nth: 1 },
        ]);
        expect(end, `${name}: stopped at call ${nth} of ${calls}, and at ${point}`).toEqual(calm.end);
        expect(lives).toHaveLength(3);
      }
    }
  },
  600_000,
);
