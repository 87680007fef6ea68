import type { Machine } from '../../src/platform/machine.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

/**
 * The operating system's side of one simulated process: everything that a process waits for comes through
 * `deliver`, so that it can be stopped for a while, or for ever, between any two things it does.
 */
export interface Host {
  readonly name: string;
  readonly machine: Machine;
  readonly alive: boolean;
  readonly paused: boolean;
  /** Lets `act` happen inside the process after a while: never when it is dead by then, later when it is paused. */
  deliver(delayUs: number, label: string, act: () => void, last?: boolean): Scheduled;
  /** SIGKILL: what it waits for never comes. */
  kill(): void;
  /** Called once when it is killed. */
  onKill(act: () => void): void;
  /** SIGSTOP: what it waits for piles up. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

export function createHost(scheduler: Scheduler, name: string): Host {
  let alive = true;
  let paused = false;
  let inbox: { readonly entry: Scheduled; readonly act: () => void }[] = [];
  const ends: (() => void)[] = [];
  const sleepers = new Map<AbortSignal, Set<() => void>>();

  function deliver(delayUs: number, label: string, act: () => void, last = false): Scheduled {
    const entry: Scheduled = scheduler.after(delayUs, `${name} ${label}`, () => arrive(entry, act), last);
    return entry;
  }

  function arrive(entry: Scheduled, act: () => void): void {
    if (!alive) return;
    if (paused) inbox.push({ entry, act });
    else act();
  }

  /** Who wakes when a signal aborts: one listener for all, because adding one for each sleep costs more than the sleep. */
  function sleepersOf(signal: AbortSignal): Set<() => void> {
    const known = sleepers.get(signal);
    if (known !== undefined) return known;
    const own = new Set<() => void>();
    sleepers.set(signal, own);
    signal.addEventListener('abort', () => own.forEach((wake) => wake()), { once: true });
    return own;
  }

  const machine: Machine = {
    turn: () => new Promise((resolve) => void deliver(0, 'turn', resolve, true)),
    sleep(ms, signal) {
      if (signal?.aborted === true) return Promise.resolve();
      if (signal === undefined) return new Promise((resolve) => void deliver(ms * 1_000, '~sleep', resolve));
      const others = sleepersOf(signal);
      return new Promise((resolve) => {
        const wake = (): void => {
          entry.cancelled = true;
          others.delete(wake);
          resolve();
        };
        const entry = deliver(ms * 1_000, '~sleep', wake);
        others.add(wake);
      });
    },
    after(ms, act) {
      const entry = deliver(ms * 1_000, 'after', act);
      return () => {
        entry.cancelled = true;
      };
    },
  };

  return {
    name,
    machine,
    deliver,
    get alive() {
      return alive;
    },
    get paused() {
      return paused;
    },
    kill() {
      if (!alive) return;
      alive = false;
      inbox = [];
      for (const end of ends) end();
    },
    onKill: (act) => void ends.push(act),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      const waiting = inbox;
      inbox = [];
      // Each in a turn of its own, as a loop takes up what has piled up.
      for (const { entry, act } of waiting) {
        if (!entry.cancelled) deliver(0, 'resumed', () => (entry.cancelled ? undefined : act()), true);
      }
    },
  };
}
