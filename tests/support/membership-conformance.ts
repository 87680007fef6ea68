import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, Journal, View } from '../../src/journal/journal.ts';
import type { Duty } from '../../src/journal/membership.ts';
import { append, type Place } from './journal-conformance.ts';

/** A place that several processes share. */
export interface SharedPlace extends Place {
  /** Opens the same journal once more, as another process does; `performs` false: for one that only takes requests. */
  another(performs?: boolean): Promise<Journal>;
  /** Makes the lease of a process run out on the store's clock. */
  expire(processId: string): Promise<void>;
  /** Cuts all connections of the processes that share the place. */
  cut(): Promise<void>;
}

const AT = Date.UTC(2026, 10, 21, 3, 0, 0);

function effects(...names: readonly string[]): Change {
  return { appends: [], effects: names.map((name) => ({ execution: 'exe_1', name, body: { kind: name } })) };
}

const namesOf = (queued: readonly { readonly name: string }[]): string[] => queued.map(({ name }) => name).sort();

/** What every membership promises, also that of a process which has its journal to itself. */
export function membershipConformance(name: string, place: () => Place): void {
  describe(`membership: ${name}`, () => {
    let there: Place;
    let journal: Journal;
    beforeEach(async () => {
      there = place();
      journal = await there.open();
    });
    afterEach(async () => {
      await journal.close();
      await there.remove();
    });

    it('holds what it committed and leads when it is alone', async () => {
      const { members } = journal;
      await members.beat();
      expect(members.holds()).toBe(true);
      await journal.commit([effects('a', 'b')]);
      expect(namesOf(await members.held(100))).toEqual(['a', 'b']);
      expect([await members.leads('log'), await members.leads('timers')]).toEqual([true, true]);
    });

    it('gives what an earlier process left to who claims it', async () => {
      await journal.commit([effects('left')]);
      await journal.close();
      journal = await there.open();
      await journal.members.beat();
      expect(namesOf(await journal.members.claim(10))).toEqual(['left']);
      expect(namesOf(await journal.members.held(100))).toEqual(['left']);
      expect(await journal.members.claim(10)).toEqual([]);
    });

    it('runs work on one target one after the other, and on others beside it', async () => {
      const { members } = journal;
      const seen: string[] = [];
      let goOn = (): void => undefined;
      const wait = new Promise<void>((resolve) => (goOn = resolve));
      const first = members.withTarget('okta/anna', async () => {
        seen.push('first begins');
        await wait;
        seen.push('first ends');
      });
      const second = members.withTarget('okta/anna', async () => void seen.push('second'));
      await members.withTarget('okta/bert', async () => void seen.push('other'));
      goOn();
      await Promise.all([first, second]);
      expect(seen).toEqual(['first begins', 'other', 'first ends', 'second']);
      await expect(members.withTarget('okta/anna', () => Promise.reject(new Error('refused')))).rejects.toThrow(
        'refused',
      );
      expect(await members.withTarget('okta/anna', async () => 'free again')).toBe('free again');
    });
  });
}

/** What processes that share a journal promise each other. */
export function sharedConformance(name: string, place: () => SharedPlace): void {
  describe(`processes on one journal: ${name}`, () => {
    let there: SharedPlace;
    let one: Journal;
    let two: Journal;
    const others: Journal[] = [];
    const another = async (performs?: boolean): Promise<Journal> => {
      const journal = await there.another(performs);
      others.push(journal);
      return journal;
    };
    beforeEach(async () => {
      there = place();
      one = await there.open();
      two = await another();
    });
    afterEach(async () => {
      await one.close();
      for (const journal of others.splice(0)) await journal.close();
      await there.remove();
    });

    it('are one journal under different names', async () => {
      expect(one.id).toBe(two.id);
      expect(one.members.processId).not.toBe(two.members.processId);
      expect([one.shared, two.shared]).toEqual([true, true]);
      await one.commit([append('s', 0, AT)]);
      expect(await two.readStream('s')).toEqual(await one.readStream('s'));
    });

    it('take over nothing from the living', async () => {
      await one.commit([effects('a')]);
      expect(await two.members.claim(10)).toEqual([]);
      expect(await two.members.held(100)).toEqual([]);
    });

    it('take over from the dead, each effect once, also when two claim at the same time', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
      await one.commit([effects(...names)]);
      const three = await another();
      await there.expire(one.members.processId);
      const rounds = await Promise.all(
        Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? two : three).members.claim(7)),
      );
      const rest = await three.members.claim(100);
      expect(namesOf([...rounds.flat(), ...rest])).toEqual([...names].sort());
      expect(namesOf([...(await two.members.held(100)), ...(await three.members.held(100))])).toEqual(
        [...names].sort(),
      );
      expect(await one.members.held(100)).toEqual([]);
    });

    it('join anew when they were taken for dead, and hold nothing of before', async () => {
      const before = one.members.processId;
      await one.commit([effects('a')]);
      await there.expire(before);
      expect(namesOf(await two.members.claim(10))).toEqual(['a']);
      // Its session was ended with its row; the first beat may still meet the ruins of it.
      await one.members.beat().catch(() => one.members.beat());
      expect(one.members.processId).not.toBe(before);
      expect(one.members.holds()).toBe(true);
      expect(await one.members.held(100)).toEqual([]);
      await one.commit([effects('b')]);
      expect(namesOf(await one.members.held(100))).toEqual(['b']);
      expect(await two.members.claim(10)).toEqual([]);
    });

    it('that were taken for dead and do not know it commit effects that others can claim', async () => {
      await there.expire(one.members.processId);
      await two.members.claim(10);
      await one.commit([effects('late')]);
      expect(namesOf(await two.members.claim(10))).toEqual(['late']);
    });

    it('leave effects of who performs none to who does', async () => {
      const api = await another(false);
      await api.commit([effects('asked')]);
      expect(await api.members.held(100)).toEqual([]);
      const claimed = await two.members.claim(10);
      expect(namesOf(claimed)).toEqual(['asked']);
      // Nobody has held it: it was never sent, and who claims it need not find out whether it was.
      expect(claimed.map(({ unbegun }) => unbegun)).toEqual([true]);
      await there.expire(two.members.processId);
      await one.members.beat();
      expect((await one.members.claim(10)).map(({ unbegun }) => unbegun)).toEqual([undefined]);
    });

    it('have one holder for each duty, until it dies or leaves', async () => {
      const lead = (duty: Duty) => Promise.all([one, two].map(({ members }) => members.leads(duty)));
      expect((await lead('log')).filter(Boolean)).toHaveLength(1);
      const [first] = await lead('log');
      const [leader, other] = first === true ? [one, two] : [two, one];
      expect(await leader.members.leads('log')).toBe(true);
      await there.expire(leader.members.processId);
      await other.members.beat();
      expect(await other.members.leads('log')).toBe(true);
      await leader.members.beat().catch(() => leader.members.beat());
      expect(await leader.members.leads('log')).toBe(false);
      await other.members.leave();
      await leader.members.beat();
      expect(await leader.members.leads('log')).toBe(true);
    });

    it('exclude each other from a target', async () => {
      const seen: string[] = [];
      let begun = (): void => undefined;
      const inside = new Promise<void>((resolve) => (begun = resolve));
      let goOn = (): void => undefined;
      const wait = new Promise<void>((resolve) => (goOn = resolve));
      const first = one.members.withTarget('t', async () => {
        seen.push('one begins');
        begun();
        await wait;
        seen.push('one ends');
      });
      await inside;
      const second = two.members.withTarget('t', async () => void seen.push('two'));
      await two.members.withTarget('u', async () => void seen.push('other'));
      goOn();
      await Promise.all([first, second]);
      expect(seen).toEqual(['one begins', 'other', 'one ends', 'two']);
    });

    it('hold nothing once their connection is cut, until they joined anew', async () => {
      const before = one.members.processId;
      await one.commit([effects('a')]);
      await there.cut();
      await one.members.beat().catch(() => undefined);
      expect(one.members.holds() && one.members.processId === before).toBe(false);
      await one.members.beat();
      expect(one.members.processId).not.toBe(before);
      expect(one.members.holds()).toBe(true);
    });

    it('get a free target from a process that was cut off', async () => {
      let goOn = (): void => undefined;
      const wait = new Promise<void>((resolve) => (goOn = resolve));
      let begun = (): void => undefined;
      const inside = new Promise<void>((resolve) => (begun = resolve));
      const first = one.members.withTarget('t', async () => {
        begun();
        await wait;
        return one.members.holds();
      });
      await inside;
      await there.cut();
      await two.members.beat().catch(() => two.members.beat());
      expect(await two.members.withTarget('t', async () => 'got it')).toBe('got it');
      goOn();
      expect(await first).toBe(false);
    });

    it('append to one place of a stream once', async () => {
      for (let seq = 0; seq < 20; seq += 1) {
        const results = await Promise.all([one, two].map((journal) => journal.commit([append('s', seq, AT)])));
        expect(
          results
            .flat()
            .map(({ status }) => status)
            .sort(),
        ).toEqual(['applied', 'stale']);
      }
      const chain = await one.readStream('s');
      chain.slice(1).forEach(({ record }, index) => expect(record.prev).toBe(chain[index]?.hash));
    });

    // Each kind in a commit of its own: a clash in one of them would make the whole batch be computed again.
    it.each(['view', 'state', 'key'] as const)('write one version of a %s once', async (kind) => {
      const changeOf = (version: number, by: string): Change => {
        const rule = { rule: 'r', key: 'k', expectedVersion: version, chosen: false, touchedAt: AT, body: { by } };
        const same: View = { kind: 'finding', id: 'same', expectedVersion: version, at: AT, body: by };
        const id = `${by}${version}`;
        const keyed: View = { kind: 'incident', id, expectedVersion: 0, uniqueKey: `u${version}`, at: AT, body: by };
        if (kind === 'state') return { appends: [], detectorStates: [rule] };
        return { appends: [], views: [kind === 'view' ? same : keyed] };
      };
      for (let version = 0; version < 40; version += 1) {
        const results = await Promise.all([one.commit([changeOf(version, 'a')]), two.commit([changeOf(version, 'b')])]);
        expect(
          results
            .flat()
            .map(({ status }) => status)
            .sort(),
        ).toEqual(['applied', 'stale']);
      }
    });

    it('do not fail each other when they write the same rows in opposite order', async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      const change = (order: readonly string[], body: string): Change => ({
        appends: order.map((name) => append(`s/${name}`, 0, AT).appends[0]).filter((found) => found !== undefined),
        objects: order.map((hash) => ({ hash, body })),
        views: order.map((id) => ({ kind: 'finding' as const, id, expectedVersion: null, at: AT, body })),
        timers: order.map((name) => ({ execution: 'e', name, generation: 1, due: AT })),
        effects: order.map((name) => ({ execution: 'e', name, body })),
      });
      for (let round = 0; round < 10; round += 1) {
        const forth: Change = { ...change(names, 'x'), appends: [] };
        const back: Change = { ...change([...names].reverse(), 'y'), appends: [] };
        const results = await Promise.all([one.commit([forth]), two.commit([back]), one.commit([back])]);
        expect(results.flat().map(({ status }) => status)).toEqual(['applied', 'applied', 'applied']);
      }
      const both = await Promise.all([
        one.commit([change(names, 'x')]),
        two.commit([change([...names].reverse(), 'y')]),
      ]);
      expect(
        both
          .flat()
          .map(({ status }) => status)
          .sort(),
      ).toEqual(['applied', 'stale']);
    });

    it('give each record one place in the log, also with two that place at the same time', async () => {
      await one.commit([append('s', 0, ...Array.from({ length: 60 }, () => AT))]);
      const place = async (journal: Journal): Promise<boolean> => {
        const size = await journal.log.size();
        const rows = await journal.log.unsequenced(10);
        if (rows.length === 0) return true;
        const leaves = rows.map(({ stream, seq }, index) => ({
          position: size + index,
          stream,
          seq,
          leafHash: 'cd'.repeat(32),
        }));
        await journal.log.place(size, leaves).catch(() => false);
        return false;
      };
      for (let done = false; !done;) done = (await Promise.all([place(one), place(two)])).every(Boolean);
      const leaves = await one.log.leaves(0, 100);
      expect(leaves).toHaveLength(61);
      expect(new Set(leaves.map(({ stream, seq }) => `${stream} ${seq}`)).size).toBe(61);
      expect(leaves.map(({ position }) => position)).toEqual(leaves.map((_, index) => index));
    });
  });
}
