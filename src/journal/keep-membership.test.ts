import { describe, expect, it } from 'vitest';
import type { Machine } from '../platform/machine.ts';
import { keepMembership } from './keep-membership.ts';
import { soleMember } from './sole-member.ts';

/** Sleeps end when the test says so; each is known by how long it was to be. */
function heldMachine(): Machine & { sleeps(): number[]; end(ms: number): Promise<void> } {
  const sleeping: { readonly ms: number; readonly wake: () => void }[] = [];
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    turn: settled,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleep = { ms, wake };
        function wake(): void {
          const index = sleeping.indexOf(sleep);
          if (index >= 0) sleeping.splice(index, 1);
          resolve();
        }
        sleeping.push(sleep);
        if (signal?.aborted === true) wake();
        signal?.addEventListener('abort', wake);
      }),
    after: () => () => undefined,
    sleeps: () => sleeping.map(({ ms }) => ms).sort((a, b) => a - b),
    async end(ms) {
      sleeping.find((each) => each.ms === ms)?.wake();
      await settled();
    },
  };
}

const BEAT = 500;

function process(hinted: boolean) {
  const machine = heldMachine();
  const closing = new AbortController();
  let looks = 0;
  let ring = (): void => undefined;
  let duringLook: (() => void) | null = null;
  const listen = async (news: () => void): Promise<void> => {
    ring = news;
    await new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
  };
  const sole = soleMember(async () => []);
  const errors: unknown[] = [];
  const ended = keepMembership({
    members: hinted ? { ...sole, listen } : sole,
    machine,
    closing: closing.signal,
    async takeOver() {
      looks += 1;
      duringLook?.();
    },
    onError: (thrown) => void errors.push(thrown),
  });
  return {
    machine,
    ended,
    errors,
    looks: () => looks,
    ring: async () => {
      ring();
      await machine.turn();
    },
    during: (act: (() => void) | null) => (duringLook = act === null ? null : () => act()),
    ringNow: () => ring(),
    close: () => closing.abort(),
  };
}

describe('looking for what others left', () => {
  it('goes on by itself, as often without hints as with hints that never come', async () => {
    for (const hinted of [false, true]) {
      const { machine, looks, close, ended, errors } = process(hinted);
      await machine.turn();
      for (const expected of [1, 2, 3]) {
        expect(looks()).toBe(expected);
        const pauses: number[] = [];
        for (let total = 0; total < 100; total = pauses.reduce((sum, ms) => sum + ms, 0)) {
          const [ms = Number.NaN] = machine.sleeps().filter((each) => each !== BEAT);
          pauses.push(ms);
          await machine.end(ms);
        }
        expect(pauses).toEqual(hinted ? [20, 80] : [100]);
      }
      close();
      await ended;
      expect([errors, machine.sleeps()]).toEqual([[], []]);
    }
  });

  it('is done at once when a hint comes, though no sooner than 20 ms after the look before', async () => {
    const { machine, looks, ring, close, ended } = process(true);
    await machine.turn();
    await ring();
    expect(looks()).toBe(1);
    await machine.end(20);
    expect(looks()).toBe(2);
    await machine.end(20);
    expect([looks(), machine.sleeps()]).toEqual([2, [80, BEAT]]);
    await ring();
    expect([looks(), machine.sleeps()]).toEqual([3, [20, BEAT]]);
    close();
    await ended;
    expect(machine.sleeps()).toEqual([]);
  });

  it('is done once more after a hint that came during a look, and only once', async () => {
    const { machine, looks, during, ringNow, close, ended } = process(true);
    await machine.turn();
    during(ringNow);
    await machine.end(20);
    await machine.end(80);
    expect(looks()).toBe(2);
    during(null);
    await machine.end(20);
    expect(looks()).toBe(3);
    await machine.end(20);
    expect([looks(), machine.sleeps()]).toEqual([3, [80, BEAT]]);
    close();
    await ended;
  });
});
