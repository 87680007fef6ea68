import type { CrashPoint, CrashPoints } from '../../src/platform/crash-points.ts';
import { realMachine, type Machine } from '../../src/platform/machine.ts';
import type { StreamingHttp } from '../../src/platform/safe-http.ts';

/**
 * A process within this one that can be stopped for good at a point it comes to: from then on nothing that it waits for
 * comes, nothing that it asks for is done, and its timers are gone. What was on the wire arrives; its answer does not.
 */

/** The points of the product, and each request of a connector that changes something: an action may need several. */
export type StopPoint = CrashPoint | 'wire.send' | 'wire.answered';

export interface Stop {
  /** `any`: whichever it is. */
  readonly point: StopPoint | 'any';
  /** At which passing of it, from 1. */
  readonly nth: number;
}

export interface Mortal {
  readonly points: CrashPoints;
  readonly machine: Machine;
  /** Resolves when the process is stopped. */
  readonly stopped: Promise<void>;
  /** How often each point was come to. */
  readonly passed: ReadonlyMap<StopPoint, number>;
  /** The thing as this process sees it: while it lives. */
  bind<Thing extends object>(thing: Thing): Thing;
  /** As `bind`, with a point before and after each request that changes something. */
  wire(http: StreamingHttp): StreamingHttp;
  /** Resolves when nothing of it is on the wire any more. */
  drained(): Promise<void>;
  /** Resolves when nothing that it asked of what is bound is under way any more: a commit may land when its process is long gone. */
  landed(): Promise<void>;
}

/** Turns of the loop without anything happening after which nothing will: a call that was answered needs a few. */
const QUIET_TURNS = 12;

const NEVER = new Promise<never>(() => {});

/** @param stop where it ends; null: never. */
export function mortal(stop: Stop | null): Mortal {
  const passed = new Map<StopPoint, number>();
  const onTheWire = new Set<Promise<unknown>>();
  const asked = new Set<Promise<unknown>>();
  let all = 0;
  let dead = false;
  let die: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    die = resolve;
  });

  function come(point: StopPoint): Promise<void> | undefined {
    if (dead) return NEVER;
    const nth = (passed.get(point) ?? 0) + 1;
    passed.set(point, nth);
    all += 1;
    if (stop === null || (stop.point === 'any' ? all : stop.point === point ? nth : 0) !== stop.nth) return undefined;
    if (point === 'commit.begun') void linger().then(end);
    else end();
    return NEVER;
  }

  function end(): void {
    dead = true;
    die();
  }

  /**
   * A commit may take its time, and the process ends while it does: by then everything has happened that does not wait for
   * the commit. What should have waited for it and did not is at the target, and not on disk.
   */
  async function linger(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      const before = all;
      await realMachine.turn();
      if (all !== before || onTheWire.size > 0) quiet = 0;
    }
  }

  async function whileAlive<Result>(promise: Promise<Result>): Promise<Result> {
    try {
      const result = await promise;
      return dead ? await NEVER : result;
    } catch (thrown) {
      if (dead) return NEVER;
      throw thrown;
    }
  }

  function remember(promise: Promise<unknown>): void {
    asked.add(promise);
    const forget = (): void => void asked.delete(promise);
    promise.then(forget, forget);
  }

  function bind<Thing extends object>(thing: Thing): Thing {
    const bound = new Map<unknown, unknown>();
    return new Proxy(thing, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') {
          if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
          if (!bound.has(value)) bound.set(value, bind(value));
          return bound.get(value);
        }
        return (...args: unknown[]): unknown => {
          if (dead) return NEVER;
          const result: unknown = Reflect.apply(value, target, args);
          if (!(result instanceof Promise)) return result;
          // What runs something of this process's waits for the dead for ever.
          if (!args.some((each) => typeof each === 'function')) remember(result);
          return whileAlive(result);
        };
      },
    });
  }

  return {
    points: { at: come },
    stopped,
    passed,
    bind,
    machine: {
      turn: () => (dead ? NEVER : whileAlive(realMachine.turn())),
      sleep: (ms, signal) => (dead ? NEVER : whileAlive(realMachine.sleep(ms, signal))),
      after: (ms, act) =>
        realMachine.after(ms, () => {
          if (!dead) act();
        }),
    },
    wire: (http) => ({
      ...bind(http),
      async request(sent) {
        const changes = sent.method !== 'GET';
        if (changes) await come('wire.send');
        if (dead) return NEVER;
        const reply = http.request(sent);
        onTheWire.add(reply);
        try {
          await whileAlive(reply);
        } finally {
          onTheWire.delete(reply);
        }
        if (changes) await come('wire.answered');
        return reply;
      },
    }),
    async drained() {
      await Promise.allSettled(onTheWire);
    },
    async landed() {
      await Promise.allSettled(asked);
    },
  };
}
