/** A bounded number of owners that work at the same time; an owner's own pieces of work share its place. */
export interface Slots {
  within(owner: string, work: () => Promise<void>): Promise<void>;
}

export function slots(most: number): Slots {
  const working = new Map<string, number>();
  const queue = new Map<string, (() => void)[]>();

  function enter(owner: string): Promise<void> {
    const count = working.get(owner);
    if (count !== undefined || working.size < most) {
      working.set(owner, (count ?? 0) + 1);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const waiting = queue.get(owner) ?? [];
      waiting.push(resolve);
      queue.set(owner, waiting);
    });
  }

  function leave(owner: string): void {
    const count = (working.get(owner) ?? 1) - 1;
    if (count > 0) {
      working.set(owner, count);
      return;
    }
    working.delete(owner);
    admitNext();
  }

  function admitNext(): void {
    const next = queue.entries().next();
    if (next.done === true) return;
    const [owner, waiting] = next.value;
    queue.delete(owner);
    working.set(owner, waiting.length);
    for (const admit of waiting) admit();
  }

  return {
    async within(owner, work) {
      await enter(owner);
      try {
        await work();
      } finally {
        leave(owner);
      }
    },
  };
}
