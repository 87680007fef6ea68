/** Lets a bounded number of pieces of work with the same key run at the same time; the others wait in order of arrival. */
export interface KeyedSemaphore {
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
}

interface Gate {
  running: number;
  readonly waiting: (() => void)[];
}

/** @param most how many of one key may run at once, at least 1. */
export function keyedSemaphore(most: number): KeyedSemaphore {
  const gates = new Map<string, Gate>();

  function enter(key: string): Promise<void> {
    const gate = gates.get(key) ?? { running: 0, waiting: [] };
    gates.set(key, gate);
    if (gate.running < most) {
      gate.running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => gate.waiting.push(resolve));
  }

  function leave(key: string): void {
    const gate = gates.get(key);
    if (gate === undefined) return;
    const next = gate.waiting.shift();
    // The place goes to the next one; nobody who comes now can take it first.
    if (next !== undefined) return next();
    gate.running -= 1;
    if (gate.running === 0) gates.delete(key);
  }

  return {
    async run(key, work) {
      await enter(key);
      try {
        return await work();
      } finally {
        leave(key);
      }
    },
  };
}
