import { expect } from 'vitest';
import { LEASE_MS, type QueuedEffect } from '../../../src/journal/membership.ts';
import type { Rows } from '../intact.ts';
import type { Played } from '../play.ts';
import { answerOf, type Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { commitAll, rows as change, TWO } from './commits.ts';

const ALL = [{ name: 'one' }, { name: 'two' }, { name: 'three' }, { name: 'api', performs: false }];

function effects(...names: readonly string[]) {
  return change({ effects: names.map((name) => ({ execution: 'e', name, body: { name } })) });
}

/** What `one` holds, which has not said for too long that it lives, and what nobody has held yet. */
async function leftBehind(world: World): Promise<void> {
  await commitAll(world, 'one', effects('h1', 'h2'));
  await commitAll(world, 'api', effects('n1'));
  await world.expire('one');
}

/** A beat as a server repeats it: the session may have been ended under it. Answers whether the process kept its name. */
async function beat(world: World, process: string): Promise<string> {
  const { members } = world.journal(process);
  const before = members.processId;
  await members.beat().catch(() => members.beat());
  return members.processId === before ? 'lives on' : 'joined anew';
}

/** Those that shall not be taken for dead when time goes on. */
async function keepAlive(world: World, ...names: readonly string[]): Promise<void> {
  const ids = names.map((name) => world.journal(name).members.processId);
  await world.sql(`update processes set beat_at = beat_at + interval '1 hour' where id = any($1)`, [ids]);
}

const claimed = (played: Played, thread: string): readonly QueuedEffect[] =>
  answerOf(played, thread) as readonly QueuedEffect[]; // as the programs answer

const ownersOf = (rows: Rows): Record<string, string | null> =>
  Object.fromEntries(rows.effects.map(({ name, owner }) => [name, owner]));

/** Each effect has one holder, and whoever claimed one is its holder and was told whether it had been held before. */
function requireOneHolder(played: Played, rows: Rows, world: World, claimers: Readonly<Record<string, string>>): void {
  const owners = ownersOf(rows);
  const seen = new Set<string>();
  for (const [thread, process] of Object.entries(claimers)) {
    for (const { name, unbegun } of claimed(played, thread)) {
      expect(seen.has(name), `${name} is claimed once`).toBe(false);
      seen.add(name);
      expect(owners[name], `${name} belongs to who claimed it`).toBe(world.journal(process).members.processId);
      expect({ name, unbegun: unbegun ?? false }).toEqual({ name, unbegun: name.startsWith('n') });
    }
  }
}

/** Whatever is not held by somebody who lives can be claimed, so that nothing is ever lost. */
async function requireNothingLost(world: World, all: readonly string[]): Promise<void> {
  await world.journal('two').members.claim(100);
  // The session of one that was taken for dead was ended, and it may not know that yet.
  const held = await Promise.all(
    ['one', 'two', 'three'].map((process) => {
      const { members } = world.journal(process);
      return members.held(100).catch(() => members.held(100));
    }),
  );
  expect(
    held
      .flat()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(all);
}

/** What `one` is called before its lease runs out. */
let first = '';

export const MEMBERS: readonly Scenario[] = [
  {
    name: 'two take over from one that says late that it lives',
    processes: ALL,
    prepare: leftBehind,
    programs: (world) => ({
      a: () => world.journal('two').members.claim(2),
      b: () => world.journal('three').members.claim(2),
      c: () => beat(world, 'one'),
    }),
    async check(played, rows, world) {
      requireOneHolder(played, rows, world, { a: 'two', b: 'three' });
      const { members } = world.journal('one');
      // Too late: it goes by another name and holds nothing of before.
      expect(answerOf(played, 'c')).toBe('joined anew');
      expect(Object.values(ownersOf(rows))).not.toContain(members.processId);
      expect(rows.processes).toContain(members.processId);
      await requireNothingLost(world, ['h1', 'h2', 'n1']);
    },
    reaches: [/a ended with .*h1.*h2/, /b ended with .*h1.*h2/, /unbegun/, /terminate/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 40 },
    all: { schedules: 1_000 },
  },
  {
    // The lease of `one` runs out at some moment, which nobody is told: it may be in the middle of taking over itself.
    name: 'one takes over, beats and is taken over from while its lease runs out',
    processes: ALL,
    prepare: async (world) => {
      await commitAll(world, 'one', effects('h1'));
      await commitAll(world, 'api', effects('n1'));
      await keepAlive(world, 'two', 'three', 'api');
      first = world.journal('one').members.processId;
    },
    programs: (world) => ({
      a: () => world.journal('two').members.claim(10),
      b: () =>
        world
          .journal('one')
          .members.claim(10)
          .catch(() => []),
      c: () => beat(world, 'one'),
      d: () => world.passServerTime(LEASE_MS),
    }),
    async check(played, rows, world) {
      const owners = ownersOf(rows);
      // Under its first name or a later one: it may have claimed what it held itself under the name before.
      const names = { a: [world.journal('two').members.processId], b: [first, world.journal('one').members.processId] };
      for (const name of ['h1', 'n1']) {
        const claims = (['a', 'b'] as const).flatMap((thread) =>
          claimed(played, thread).flatMap((effect) => (effect.name === name ? [{ thread, ...effect }] : [])),
        );
        const holders =
          claims.length === 0 ? [name === 'h1' ? first : null] : claims.flatMap(({ thread }) => names[thread]);
        expect(holders).toContain(owners[name]);
        // Whoever came first to what nobody had held was told so, and nobody else.
        const unbegun = claims.filter((claim) => claim.unbegun === true);
        expect(unbegun).toHaveLength(name === 'n1' && claims.length > 0 ? 1 : 0);
      }
      await requireNothingLost(world, ['h1', 'n1']);
    },
    reaches: [/c ended with "lives on"/, /c ended with "joined anew"/, /a ended with .*h1/, /b ended with .*n1/],
    suite: { preemptions: 1, faults: 0, schedules: 60, atLeast: 60 },
    all: { schedules: 1_000 },
  },
  {
    name: 'one that is taken for dead commits effects late',
    processes: ALL,
    prepare: leftBehind,
    programs: (world) => ({
      a: () => world.journal('two').members.claim(10),
      b: () => world.journal('one').commit([effects('h3')]),
    }),
    async check(played, rows, world) {
      requireOneHolder(played, rows, world, { a: 'two' });
      expect(answerOf(played, 'b')).toEqual([{ status: 'applied', hashes: [] }]);
      await requireNothingLost(world, ['h1', 'h2', 'h3', 'n1']);
    },
    suite: { preemptions: 2, faults: 0, schedules: 60, atLeast: 20 },
  },
  {
    name: 'two want the duty of one that says late that it lives',
    processes: ALL,
    prepare: async (world) => {
      expect(await world.journal('one').members.leads('log')).toBe(true);
      await world.expire('one');
    },
    programs: (world) => ({
      a: () => world.journal('two').members.leads('log'),
      b: () => world.journal('three').members.leads('log'),
      c: async () => {
        await beat(world, 'one');
        return world.journal('one').members.leads('log');
      },
    }),
    check(played, rows, world) {
      const leaders = Object.entries({ a: 'two', b: 'three', c: 'one' }).filter(([thread]) => answerOf(played, thread));
      expect(leaders).toHaveLength(1);
      const owner = rows.duties[0]?.owner;
      expect(owner).toBe(world.journal(leaders[0]?.[1] ?? '').members.processId);
    },
    reaches: [/a ended with true/, /b ended with true/, /c ended with false/, /waits for/],
    suite: { preemptions: 1, faults: 0, schedules: 40, atLeast: 40 },
    all: { schedules: 1_000 },
  },
  {
    name: 'two work on one target one after the other',
    processes: TWO,
    programs: (world) => {
      const seen: string[] = [];
      const work = (process: string) => () => {
        const { members, log } = world.journal(process);
        return members.withTarget('okta/anna', async () => {
          seen.push(`${process} begins`);
          await log.size();
          seen.push(`${process} ends`);
          return seen;
        });
      };
      return { a: work('one'), b: work('two') };
    },
    check(played) {
      const seen = answerOf(played, 'a');
      expect([
        ['one begins', 'one ends', 'two begins', 'two ends'],
        ['two begins', 'two ends', 'one begins', 'one ends'],
      ]).toContainEqual(seen);
    },
    reaches: [/waits 10 ms/],
    suite: { preemptions: 2, faults: 0, schedules: 40, atLeast: 10 },
  },
];
