import type { Random } from './random.ts';
import type { Trace } from './trace.ts';

/** The world's only clock and its only loop: what is to happen, ordered by time and, at one time, by chance. */
export interface Scheduler {
  /** Simulated machine time since the beginning of the world, in µs. */
  readonly now: number;
  /** Lets `act` happen after `delayUs`. `last`: after everything else that happens at that same moment. */
  after(delayUs: number, label: string, act: () => void, last?: boolean): Scheduled;
  /** Time of the next event in µs, or null. */
  readonly next: number | null;
  /** Takes one event out and lets it happen. False when there is none. */
  step(): boolean;
}

export interface Scheduled {
  cancelled: boolean;
}

interface Entry extends Scheduled {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  readonly act: () => void;
}

/** Orders beyond all drawn ones: those of `last`, in the order in which they came. */
const LAST = 4_294_967_296;

export function scheduler(random: Random, trace: Trace): Scheduler {
  const heap: Entry[] = [];
  let now = 0;
  let count = 0;

  function push(entry: Entry): void {
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!isBefore(entry, at(above))) break;
      heap[index] = at(above);
      index = above;
    }
    heap[index] = entry;
  }

  function pop(): Entry | null {
    const first = heap[0];
    const moved = heap.pop();
    if (first === undefined || moved === undefined) return null;
    if (heap.length > 0) sink(moved);
    return first;
  }

  function sink(entry: Entry): void {
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(at(below + 1), at(below))) below += 1;
      if (!isBefore(at(below), entry)) break;
      heap[index] = at(below);
      index = below;
    }
    heap[index] = entry;
  }

  function at(index: number): Entry {
    const entry = heap[index];
    if (entry === undefined) throw new Error('the heap has a hole');
    return entry;
  }

  function dropCancelled(): void {
    while (heap[0]?.cancelled === true) pop();
  }

  return {
    get now() {
      return now;
    },
    after(delayUs, label, act, last = false) {
      count += 1;
      const order = last ? LAST + count : random.below(LAST);
      const entry: Entry = { at: now + Math.max(0, Math.round(delayUs)), order, label, act, cancelled: false };
      push(entry);
      return entry;
    },
    get next() {
      dropCancelled();
      return heap[0]?.at ?? null;
    },
    step() {
      dropCancelled();
      const entry = pop();
      if (entry === null) return false;
      now = entry.at;
      trace.add(`${now} ${entry.label}`);
      entry.act();
      return true;
    },
  };
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
