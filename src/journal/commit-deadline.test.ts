import { describe, expect, it } from 'vitest';
import type { Machine } from '../platform/machine.ts';
import { COMMIT_DEADLINE_MS, groupCommitter } from './group-commit.ts';
import { StoreUnavailableError, type Change, type ChangeResult } from './journal.ts';
import { probeStore } from './store-probe.ts';

/** Machine time that stands still until it is told to pass. */
function stillMachine() {
  let now = 0;
  const due = new Set<{ readonly at: number; readonly act: () => void }>();
  const machine: Machine = {
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        machine.after(ms, resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      }),
    after(ms, act) {
      const timer = { at: now + ms, act };
      due.add(timer);
      return () => due.delete(timer);
    },
  };
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    for (const timer of due) {
      if (timer.at > now) continue;
      due.delete(timer);
      timer.act();
    }
    await machine.turn();
  };
  return { machine, pass, timers: () => due.size };
}

/** A store whose commits end when they are told to. */
function heldStore() {
  const held: { readonly names: readonly string[]; readonly end: (thrown?: Error) => void }[] = [];
  return {
    held,
    commit: (changes: readonly Change[]) =>
      new Promise<readonly ChangeResult[]>((resolve, reject) => {
        const end = (thrown?: Error): void =>
          thrown === undefined ? resolve(changes.map(() => ({ status: 'applied', hashes: [] }))) : reject(thrown);
        held.push({ names: changes.map(({ appends }) => appends[0]?.stream ?? ''), end });
      }),
  };
}

const change = (stream: string): Change => ({ appends: [{ stream, expectedSeq: 0, records: [] }] });
const endOf = (answer: Promise<ChangeResult>): Promise<string> =>
  answer.then(
    ({ status }) => status,
    (thrown: unknown) =>
      thrown instanceof StoreUnavailableError ? `unavailable, unknown: ${thrown.unknown}` : 'other',
  );

describe('a commit that is not answered', () => {
  it('is given up on in time, and nothing is begun behind it until it has ended', async () => {
    const { machine, pass, timers } = stillMachine();
    const store = heldStore();
    let outages = 0;
    const committer = groupCommitter(store, machine, () => {
      outages += 1;
    });
    const first = endOf(committer.submit(change('a')));
    await machine.turn();
    const behind = endOf(committer.submit(change('b')));
    await pass(COMMIT_DEADLINE_MS - 1);
    expect(committer.ailing).toBe(false);
    await pass(1);
    // Of the one it is not known whether it took place; the other was never begun.
    expect([await first, await behind]).toEqual(['unavailable, unknown: true', 'unavailable, unknown: false']);
    expect(committer.ailing).toBe(true);
    expect(await endOf(committer.submit(change('c')))).toBe('unavailable, unknown: false');
    expect(store.held.map(({ names }) => names)).toEqual([['a']]);

    store.held[0]?.end();
    await machine.turn();
    expect([committer.ailing, outages, committer.busy, timers()]).toEqual([false, 1, false, 0]);
    const next = endOf(committer.submit(change('d')));
    await machine.turn();
    store.held[1]?.end();
    expect([await next, outages]).toEqual(['applied', 1]);
  });

  it('is over, where it was split, when the last part of it is: then what an outage left is looked up', async () => {
    const { machine, pass } = stillMachine();
    const store = heldStore();
    const onDiskThen: string[][] = [];
    const onDisk: string[] = [];
    const land = async (index: number): Promise<void> => {
      onDisk.push(...(store.held[index]?.names ?? []));
      store.held[index]?.end();
      await machine.turn();
    };
    const refuse = async (index: number): Promise<void> => {
      store.held[index]?.end(new Error('refused'));
      await machine.turn();
    };
    const committer = groupCommitter(store, machine, () => onDiskThen.push([...onDisk]));
    const answers = ['bad', 'b', 'c', 'd'].map((name) => endOf(committer.submit(change(name))));
    await machine.turn();
    await refuse(0);
    await pass(COMMIT_DEADLINE_MS);
    expect(await Promise.all(answers)).toEqual(Array(4).fill('unavailable, unknown: true'));
    await refuse(1);
    await refuse(2);
    await land(3);
    // The store is well again, and a part of what was given up on is still under way.
    expect([onDiskThen, committer.ailing]).toEqual([[], true]);
    await land(4);
    expect(store.held.map(({ names }) => names.join(' '))).toEqual(['bad b c d', 'bad b', 'bad', 'b', 'c d']);
    expect([onDiskThen, committer.ailing, committer.busy]).toEqual([[['b', 'c', 'd']], false, false]);
  });

  it('leaves the store ailing when a later part of it is lost, and its earlier parts are looked up afterwards', async () => {
    const { machine, pass } = stillMachine();
    const store = heldStore();
    let outages = 0;
    const committer = groupCommitter(store, machine, () => {
      outages += 1;
    });
    const answers = ['a', 'b'].map((name) => endOf(committer.submit(change(name))));
    await machine.turn();
    await pass(COMMIT_DEADLINE_MS);
    for (const end of [new Error('refused'), undefined, new StoreUnavailableError('lost', true)]) {
      store.held.at(-1)?.end(end);
      await machine.turn();
    }
    expect([await answers[0], committer.ailing, outages]).toEqual(['unavailable, unknown: true', true, 0]);
    const next = endOf(committer.submit(change('c')));
    await machine.turn();
    store.held.at(-1)?.end();
    expect([await next, committer.ailing, outages]).toEqual(['applied', false, 1]);
  });

  it('leaves the store ailing when it ends as lost, until a trial succeeds', async () => {
    const { machine, pass } = stillMachine();
    const store = heldStore();
    const committer = groupCommitter(store, machine);
    const closing = new AbortController();
    const probing = probeStore({ committer, clock: { now: () => 1 }, machine, closing: closing.signal });
    await pass(10_000);
    expect(store.held).toEqual([]); // A store that is well is left alone.

    const lost = endOf(committer.submit(change('a')));
    await machine.turn();
    await pass(COMMIT_DEADLINE_MS);
    expect(await lost).toBe('unavailable, unknown: true');
    store.held[0]?.end(new StoreUnavailableError('lost', true));
    await machine.turn();
    expect([committer.ailing, committer.busy]).toEqual([true, false]);
    await pass(1_000);
    await machine.turn();
    expect(store.held.length).toBe(2);
    store.held[1]?.end();
    await machine.turn();
    expect(committer.ailing).toBe(false);
    closing.abort();
    await probing;
  });

  it('does not hurry one that takes its time within the deadline', async () => {
    const { machine, pass } = stillMachine();
    const store = heldStore();
    const committer = groupCommitter(store, machine);
    const slow = endOf(committer.submit(change('a')));
    await machine.turn();
    await pass(COMMIT_DEADLINE_MS - 1);
    store.held[0]?.end();
    expect(await slow).toBe('applied');
    await pass(COMMIT_DEADLINE_MS);
    expect(committer.ailing).toBe(false);
  });
});
