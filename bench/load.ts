import { Pool } from 'undici';
import { latencyOf, type Latency } from './measure.ts';

/** Closed-loop load: each of `connections` workers begins its next piece of work when the last one is complete. */

export interface Turn {
  /** ms from the start until it was accepted, and until it was complete. */
  readonly acceptedMs: number;
  readonly completedMs: number;
}

export interface Slice {
  readonly connections: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** Does one piece of work. */
  turn(): Promise<Turn>;
  /** Called when the measured part begins and when it ends. */
  onEdge?(edge: 'begin' | 'end'): void;
}

export interface SliceResult {
  /** Turns that were completed in the measured part. */
  readonly turns: readonly Turn[];
  readonly elapsedMs: number;
}

/** Runs one slice and waits until all work has ended. @throws the first error of a turn: a failed run has no figures. */
export async function runSlice(slice: Slice): Promise<SliceResult> {
  const turns: Turn[] = [];
  const begin = performance.now() + slice.warmupMs;
  const end = begin + slice.measuredMs;
  let begunAt = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const turn = await slice.turn();
      const now = performance.now();
      if (begunAt !== 0 && now < end) turns.push(turn);
    }
  };
  const edges = edge(slice.warmupMs, () => {
    begunAt = performance.now();
    slice.onEdge?.('begin');
  }).then(() =>
    edge(slice.measuredMs, () => {
      slice.onEdge?.('end');
    }),
  );
  await Promise.all([edges, ...Array.from({ length: slice.connections }, worker)]);
  return { turns, elapsedMs: end - begunAt };
}

export interface RateSlice {
  /** Pieces of work begun in a second, whether those before are complete or not. */
  readonly rate: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** Does one piece of work. Times count from the moment at which it was due, so that a late beginning shows. */
  turn(dueAt: number): Promise<Turn>;
  onEdge?(edge: 'begin' | 'end'): void;
}

/** Open-loop load at a fixed rate; waits until all work has ended. @throws the first error of a turn. */
export async function runRate(slice: RateSlice): Promise<SliceResult> {
  const turns: Turn[] = [];
  const underWay: Promise<void>[] = [];
  const start = performance.now();
  const begin = start + slice.warmupMs;
  const end = begin + slice.measuredMs;
  let begun = false;
  for (let number = 0; ; number += 1) {
    const dueAt = start + (number * 1_000) / slice.rate;
    if (dueAt >= end) break;
    while (performance.now() < dueAt) await new Promise((resolve) => setTimeout(resolve, 1));
    if (!begun && dueAt >= begin) {
      begun = true;
      slice.onEdge?.('begin');
    }
    underWay.push(
      slice.turn(dueAt).then((turn) => {
        if (dueAt >= begin) turns.push(turn);
      }),
    );
  }
  await Promise.all(underWay);
  slice.onEdge?.('end');
  return { turns, elapsedMs: slice.measuredMs };
}

function edge(ms: number, then: () => void): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => {
      then();
      resolve();
    }, ms);
  });
}

/** Turns of several slices together. */
export interface Tally {
  readonly perSecond: number;
  readonly count: number;
  readonly accepted: Latency;
  readonly completed: Latency;
}

export function tallyOf(slices: readonly SliceResult[]): Tally {
  const turns = slices.flatMap((slice) => slice.turns);
  const seconds = slices.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0) / 1_000;
  return {
    perSecond: turns.length / seconds,
    count: turns.length,
    accepted: latencyOf(turns.map(({ acceptedMs }) => acceptedMs)),
    completed: latencyOf(turns.map(({ completedMs }) => completedMs)),
  };
}

/** POSTs to one server over at most `connections` connections; answers the body of a 2xx reply. */
export interface Poster {
  post(path: string, key: string, type: string, body: string | Buffer): Promise<string>;
  close(): Promise<void>;
}

export function poster(url: string, connections: number): Poster {
  const pool = new Pool(url, { connections, pipelining: 1 });
  return {
    async post(path, key, type, body) {
      const headers = { 'content-type': type, authorization: `Bearer ${key}` };
      const reply = await pool.request({ method: 'POST', path, headers, body });
      const text = await reply.body.text();
      if (reply.statusCode >= 300) throw new Error(`${path} answered ${reply.statusCode}: ${text.slice(0, 500)}`);
      return text;
    },
    close: () => pool.close(),
  };
}
