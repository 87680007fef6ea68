import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRASH_POINTS } from '../../src/platform/crash-points.ts';
import type { House, Place } from './crash-places.ts';
import { STORIES } from './crash-stories.ts';
import { crashWorld, type CrashWorld } from './crash-world.ts';
import { mortal, type Mortal, type Stop, type StopPoint } from './mortal.ts';

/**
 * A story is told once calmly, and then once for each time that it came to a point: there the process is stopped, and
 * another one goes on. Wherever that was, it ends as the calm one did.
 */

export const STOP_POINTS: readonly StopPoint[] = [...CRASH_POINTS, 'wire.send', 'wire.answered'];

/** In every tenth telling the process that goes on is stopped too, at one of the first so many points that it comes to. */
const SECOND_STOP_EVERY = 10;
const SECOND_STOP_WITHIN = 37;

/** Far above what a slow machine needs for the most frequent point, in ms. */
const PATIENCE_MS = 600_000;

/** Calls that answer in another order pass a point once less: then the process is not stopped there. */
const MISSES_ALLOWED = 0.05;

type StoryName = keyof typeof STORIES;

export interface Telling {
  readonly end: object;
  /** Every process that took part, in the order in which they came in. */
  readonly lives: readonly Mortal[];
}

/** Tells a story with these stops, one process after the other; the last one is not stopped. */
export async function tell(house: House, name: StoryName, stops: readonly Stop[]): Promise<Telling> {
  const world = await crashWorld(STORIES[name].story);
  const place = await house.place();
  try {
    return await tellAt(world, place, stops);
  } finally {
    await place.remove();
    await world.stop();
  }
}

async function tellAt(world: CrashWorld, place: Place, stops: readonly Stop[]): Promise<Telling> {
  const begin = async (life: Mortal) => {
    const journal = await place.open();
    return { life, journal, actor: await world.join(journal, life) };
  };
  const lives = [...stops, null].map((stop) => mortal(stop));
  // Who is there from the beginning has looked at the journal before it was told of anything.
  const there = await Promise.all(lives.slice(0, place.members).map(begin));
  for (const [index, life] of lives.entries()) {
    const { journal, actor } = there[index] ?? (await begin(life));
    const end = await actor.goOn();
    await actor.abandon();
    if (end === 'over') {
      for (const idle of there.slice(index + 1)) await idle.actor.abandon();
      return { end: await world.end(journal), lives: lives.slice(0, index + 1) };
    }
    await place.buryLater(journal);
  }
  throw new Error('the last process was stopped');
}

/**
 * @param open makes the place where journals lie, before the first test of the file.
 * @param every whether to stop at each passing of a point, or at a drawn one only.
 */
export function crashMatrix(
  adapter: string,
  open: () => Promise<House>,
  names: readonly StoryName[],
  every = true,
): void {
  let house: House;
  beforeAll(async () => {
    house = await open();
  });
  afterAll(() => house.remove());

  describe.each(names)(`${adapter}: %s`, (name) => {
    let calm: Telling;
    const stopped = new Map<StopPoint, number>();
    let missed = 0;
    let twice = 0;
    beforeAll(async () => {
      calm = await tell(house, name, []);
      const said = JSON.stringify(calm.end);
      const { playbookId, story } = STORIES[name];
      for (const shown of [...story.shows, playbookId]) expect(said).toContain(shown);
    });
    afterAll(() => {
      const table = [...stopped].map(([point, times]) => `${point} ${times}`).join(', ');
      const all = [...stopped.values()].reduce((sum, times) => sum + times, 0);
      process.stdout.write(
        `${adapter}, ${name}: stopped ${all} times, ${twice} of them twice, ${missed} not come to\n  ${table}\n`,
      );
    });

    it.each(STOP_POINTS)(
      'ends the same wherever it is stopped at %s',
      async (point) => {
        const passings = calm.lives[0]?.passed.get(point) ?? 0;
        const number = STOP_POINTS.indexOf(point);
        const all = Array.from({ length: passings }, (_, index) => index + 1);
        for (const nth of every ? all : all.slice(number % (passings || 1)).slice(0, 1)) {
          const stops: Stop[] = [{ point, nth }];
          const drawn = number * 7 + nth;
          if (drawn % SECOND_STOP_EVERY === 0) stops.push({ point: 'any', nth: 1 + (drawn % SECOND_STOP_WITHIN) });
          const { end, lives } = await tell(house, name, stops);
          expect(end, `stopped at passing ${nth} of ${passings}, ${JSON.stringify(stops)}`).toEqual(calm.end);
          if (lives.length === 1) missed += 1;
          else stopped.set(point, (stopped.get(point) ?? 0) + 1);
          if (lives.length === 3) twice += 1;
        }
      },
      PATIENCE_MS,
    );

    it('was stopped at nearly every passing', () => {
      const all = [...(calm.lives[0]?.passed.values() ?? [])].reduce((sum, times) => sum + times, 0);
      expect(missed).toBeLessThan(all * MISSES_ALLOWED);
      expect(twice).toBeGreaterThan(every ? 0 : -1);
    });
  });
}
