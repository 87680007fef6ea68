import { describe, expect, it } from 'vitest';
import { createLanes, MAX_DIGEST, MESSAGES_PER_MINUTE, MOMENT_MS, type Sent } from './lanes.ts';

/** Lanes on a clock that moves only when a test moves it. */
function world(answer: (items: readonly number[]) => Sent<number> = () => ({ again: [], pauseMs: 0 })) {
  let now = 0;
  let sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const sent: { readonly at: number; readonly receiver: string; readonly items: readonly number[] }[] = [];
  const closing = new AbortController();
  const lanes = createLanes<number>({
    machine: { sleep: (ms) => new Promise((wake) => sleepers.push({ at: now + ms, wake })) },
    monotonic: () => now,
    closing: closing.signal,
    send: async (receiver, items) => {
      sent.push({ at: now, receiver, items });
      return answer(items);
    },
  });
  /** Lets everything happen that is due until then. */
  async function until(end: number): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      const next = sleepers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      sleepers = sleepers.filter((each) => each !== next);
      now = next.at;
      next.wake();
    }
    now = end;
  }
  return { lanes, sent, until, closing };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('lanes', () => {
  it('send what comes in one moment as one message, to each receiver its own', async () => {
    const { lanes, sent, until } = world();
    for (const item of upTo(500)) lanes.add('ada', item);
    lanes.add('bob', 7);
    await until(MOMENT_MS);
    expect(sent).toEqual([
      { at: MOMENT_MS, receiver: 'ada', items: upTo(500) },
      { at: MOMENT_MS, receiver: 'bob', items: [7] },
    ]);
  });

  it('send few messages in a minute, and what comes after them together at its end', async () => {
    const { lanes, sent, until } = world();
    for (const item of upTo(100)) {
      lanes.add('ada', item);
      await until((item + 1) * 100);
    }
    expect(sent).toHaveLength(MESSAGES_PER_MINUTE);
    await until(120_000);
    expect(sent).toHaveLength(MESSAGES_PER_MINUTE + 1);
    expect(sent.at(-1)?.at).toBeGreaterThanOrEqual(60_000);
    expect(sent.flatMap(({ items }) => items)).toEqual(upTo(100));
    lanes.add('ada', 100);
    await until(120_100);
    expect(sent.at(-1)?.items).toEqual([100]);
  });

  it('bound a message', async () => {
    const { lanes, sent, until } = world();
    for (const item of upTo(MAX_DIGEST + 1)) lanes.add('ada', item);
    await until(60_000);
    expect(sent.map(({ items }) => items.length)).toEqual([MAX_DIGEST, 1]);
  });

  it('send again what was not sent, in its order and not before the pause is over', async () => {
    let fails = 1;
    const { lanes, sent, until } = world((items) =>
      fails-- > 0 ? { again: items, pauseMs: 10_000 } : { again: [], pauseMs: 0 },
    );
    lanes.add('ada', 1);
    await until(5_000);
    lanes.add('ada', 2);
    await until(30_000);
    expect(sent.map(({ items }) => items)).toEqual([[1], [1, 2]]);
    expect((sent[1]?.at ?? 0) - (sent[0]?.at ?? 0)).toBeGreaterThanOrEqual(10_000);
    expect(lanes.busy).toBe(false);
  });

  it('do not count what was kept back among the messages of a minute', async () => {
    let keptBack = 2 * MESSAGES_PER_MINUTE;
    const { lanes, sent, until } = world((items) =>
      keptBack-- > 0 ? { again: items, pauseMs: 500, isUnsent: true } : { again: [], pauseMs: 0 },
    );
    lanes.add('ada', 1);
    await until(30_000);
    expect(lanes.busy).toBe(false);
    expect(sent).toHaveLength(2 * MESSAGES_PER_MINUTE + 1);
  });

  it('remember nobody to whom nothing was sent for minutes', async () => {
    const { lanes, sent, until } = world();
    for (const item of upTo(1_000)) lanes.add(`ada|ntc_${item}`, item);
    await until(1_000);
    expect([sent.length, lanes.remembered]).toEqual([1_000, 1_000]);
    await until(180_000);
    lanes.add('bob', 1);
    await until(181_000);
    expect([sent.length, lanes.remembered]).toEqual([1_001, 1]);
  });

  it('begin nothing once it is closing', async () => {
    const { lanes, sent, until, closing } = world();
    lanes.add('ada', 1);
    closing.abort();
    await until(60_000);
    expect(sent).toEqual([]);
  });
});
