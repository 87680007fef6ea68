import type { Machine } from '../../platform/machine.ts';

/**
 * One lane for each receiver: what comes in one moment goes out as one message, few messages go at once, and what is beyond
 * that waits and goes out together. So a campaign of 500 accounts is one message and not 500. Machine time: who reads lives
 * by the wall clock, also where business time is accelerated.
 */

/** What comes within this time of the first belongs to the same message, in ms: below what a person notices. */
export const MOMENT_MS = 20;
/** So many for one receiver in one moment are the beginning of a flood, and more of it is waited for: nobody reads so fast. */
export const FLOOD_FROM = 3;
/** A flood goes on as long as so many come within this time again, in ms: 30 a second, several times what a bad day of one receiver has. */
export const FLOOD_PAUSE_MS = 100;
/** Longest time that a flood is waited for, in ms: who is asked may already be looking. */
export const FLOOD_MAX_MS = 5_000;
/** Messages to one receiver within a minute that go at once unless another number is set; what comes after them waits for the minute to end. Slack takes one a second. */
export const MESSAGES_PER_MINUTE = 20;
/** Most notices in one message. */
export const MAX_DIGEST = 500;
const MINUTE_MS = 60_000;

/** What became of a message: what has to be sent again, and how long its receiver should be left alone first. */
export interface Sent<Item> {
  readonly again: readonly Item[];
  readonly pauseMs: number;
  /** The receiver got nothing and was asked nothing, so it does not count among the messages of the minute. */
  readonly isUnsent?: boolean;
}

export interface Lanes<Item> {
  /** Puts something on the way to a receiver. */
  add(receiver: string, item: Item): void;
  /** Whether something is on its way. */
  readonly busy: boolean;
  /** Receivers of which is known when they got their last messages: few more than those of the last two minutes. */
  readonly remembered: number;
}

export interface LanePorts<Item> {
  readonly machine: Pick<Machine, 'sleep'>;
  readonly monotonic: () => number;
  readonly closing: AbortSignal;
  /** Messages to one receiver within a minute that go at once. */
  readonly perMinute?: number;
  /** Sends what goes out together, the oldest first. Never rejects. */
  send(receiver: string, items: readonly Item[]): Promise<Sent<Item>>;
}

export function createLanes<Item>({
  machine,
  monotonic,
  closing,
  perMinute = MESSAGES_PER_MINUTE,
  send,
}: LanePorts<Item>): Lanes<Item> {
  const waiting = new Map<string, Item[]>();
  /** When the last messages to each receiver went out. */
  const history = new Map<string, readonly number[]>();
  let forgotAt = monotonic();

  async function run(receiver: string, items: Item[]): Promise<void> {
    while (items.length > 0 && !closing.aborted) {
      await machine.sleep(Math.max(MOMENT_MS, untilAllowed(receiver)), closing);
      await untilFloodIsOver(items);
      if (closing.aborted) return;
      const at = monotonic();
      const { again, pauseMs, isUnsent = false } = await send(receiver, items.splice(0, MAX_DIGEST));
      if (!isUnsent) history.set(receiver, [...recent(receiver), at]);
      items.unshift(...again);
      if (pauseMs > 0) await machine.sleep(pauseMs, closing);
    }
    waiting.delete(receiver);
  }

  /** Many lanes are for one message only. Once in a minute, for all are looked at. */
  function forgetOld(): void {
    if (monotonic() < forgotAt + MINUTE_MS) return;
    forgotAt = monotonic();
    for (const receiver of history.keys()) if (recent(receiver).length === 0) history.delete(receiver);
  }

  /** Messages of a flood one after the other would each hold a part of it. */
  async function untilFloodIsOver(items: readonly Item[]): Promise<void> {
    let seen = 0;
    for (let waited = 0; items.length < MAX_DIGEST && waited < FLOOD_MAX_MS; waited += FLOOD_PAUSE_MS) {
      if (items.length < seen + FLOOD_FROM || closing.aborted) return;
      seen = items.length;
      await machine.sleep(FLOOD_PAUSE_MS, closing);
    }
  }

  function recent(receiver: string): readonly number[] {
    return (history.get(receiver) ?? []).filter((at) => at > monotonic() - MINUTE_MS);
  }

  function untilAllowed(receiver: string): number {
    const last = recent(receiver);
    const oldest = last.at(-perMinute);
    return oldest === undefined ? 0 : oldest + MINUTE_MS - monotonic();
  }

  return {
    add(receiver, item) {
      const lane = waiting.get(receiver);
      if (lane !== undefined) return void lane.push(item);
      forgetOld();
      const items = [item];
      waiting.set(receiver, items);
      void run(receiver, items);
    },
    get busy() {
      return waiting.size > 0;
    },
    get remembered() {
      return history.size;
    },
  };
}
