import { describe, expect, it } from 'vitest';
import { DivergedError, exploreSchedules, runSchedule, type Choose, type Option } from './schedules.ts';

/** Threads that take a number of steps each, and never wait for each other; answers with the order of the steps. */
function threads(lengths: Readonly<Record<string, number>>, choose: Choose): string {
  const left = new Map(Object.entries(lengths));
  let order = '';
  for (let last = ''; ;) {
    const ready = [...left].filter(([, steps]) => steps > 0).map(([thread]) => thread);
    if (ready.length === 0) return order;
    const goesOn = ready.includes(last);
    const options = [...ready]
      .sort((a, b) => Number(b === last) - Number(a === last))
      .map((token): Option => ({ token, preemptions: goesOn && token !== last ? 1 : 0, faults: 0 }));
    last = choose(options);
    order += last;
    left.set(last, (left.get(last) ?? 0) - 1);
  }
}

async function ordersOf(lengths: Readonly<Record<string, number>>, preemptions: number, schedules = 10_000) {
  const orders: string[] = [];
  const run = async (choose: Choose): Promise<void> => void orders.push(threads(lengths, choose));
  const explored = await exploreSchedules({ preemptions, faults: 0, schedules }, run);
  return { orders, ...explored };
}

describe('schedules', () => {
  it('are every order of the steps when nothing bounds them, each once', async () => {
    const { orders, complete } = await ordersOf({ a: 3, b: 3 }, 10);
    // 6 over 3.
    expect(orders).toHaveLength(20);
    expect(new Set(orders).size).toBe(20);
    expect(complete).toBe(true);
    expect((await ordersOf({ a: 2, b: 2, c: 2 }, 10)).orders).toHaveLength(90);
  });

  it('begin with those that force nothing, and are bounded by what they force', async () => {
    expect((await ordersOf({ a: 3, b: 3 }, 0)).orders).toEqual(['aaabbb', 'bbbaaa']);
    const { orders } = await ordersOf({ a: 3, b: 3 }, 1);
    expect(orders).toEqual(['aaabbb', 'bbbaaa', 'abbbaa', 'aabbba', 'baaabb', 'bbaaab']);
  });

  it('say that some were left out when there were more than were to be run', async () => {
    expect(await ordersOf({ a: 3, b: 3 }, 10, 7)).toMatchObject({ schedules: 7, complete: false });
  });

  it('end with the first that fails, which can be run again alone', async () => {
    const tried: string[] = [];
    const run = async (choose: Choose): Promise<void> => {
      const order = threads({ a: 3, b: 3 }, choose);
      tried.push(order);
      if (order.startsWith('aab')) throw new Error(order);
    };
    await expect(exploreSchedules({ preemptions: 2, faults: 0, schedules: 100 }, run)).rejects.toThrow('aabbba');
    expect(tried.at(-1)).toBe('aabbba');
    await expect(runSchedule(['a', 'a', 'b'], run)).rejects.toThrow('aabbba');
    await expect(runSchedule(['a', 'b'], run)).resolves.toBeUndefined();
  });

  it('that come out another way are run again, and given up when they always do', async () => {
    let runs = 0;
    const moody = async (choose: Choose): Promise<void> => {
      runs += 1;
      threads(runs === 2 ? { a: 3 } : { a: 3, b: 3 }, choose);
    };
    const bounds = { preemptions: 0, faults: 0, schedules: 100 };
    expect(await exploreSchedules(bounds, moody)).toEqual({ schedules: 2, complete: true, diverged: 1 });
    const never = async (choose: Choose): Promise<void> => {
      runs += 1;
      threads(runs === 1 ? { a: 1, b: 1 } : { a: 1 }, choose);
    };
    runs = 0;
    await expect(exploreSchedules(bounds, never)).rejects.toBeInstanceOf(DivergedError);
    expect(runs).toBe(7);
  });
});
