import type { Clock, SteeredClock } from '../../platform/clock.ts';
import type { Machine } from '../../platform/machine.ts';
import type { Membership } from '../../journal/membership.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { Runner } from './runner.ts';

/** How often due timers are looked for, in ms of machine time; a look at an empty queue is one index read. */
const POLL_MS = 100;
/** How often an accelerated journal looks whether it may jump, in ms of machine time. */
const ACCELERATED_POLL_MS = 10;
/** How much faster than the wall accelerated time runs while a person's answer is awaited: people need real seconds. */
const PACE_WITH_PEOPLE = 60;

/**
 * Longest jump, in ms of business time. A day's containment must not be over the moment after it began: where
 * nothing nearer is due, time stands still.
 */
const LONGEST_JUMP_MS = 2 * 3_600_000;

export interface TimekeeperPorts {
  readonly runner: Pick<Runner, 'idle' | 'tick'>;
  readonly journal: Pick<JournalReader, 'nextTimerDue' | 'listViews'>;
  readonly members: Pick<Membership, 'leads'>;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  /** Told when timers cannot be applied (the store is down); they stay due and are tried again. */
  onError(thrown: unknown): void;
}

/** Applies timers as the clock reaches them, until `closing`, as long as that is the duty of this process. */
export async function keepTime(ports: TimekeeperPorts, clock: Clock): Promise<void> {
  while (!ports.closing.aborted) {
    await guarded(ports, async () => {
      if (!(await ports.members.leads('timers'))) return;
      const due = await ports.journal.nextTimerDue();
      if (due !== null && due <= clock.now()) await ports.runner.tick();
    });
    await ports.machine.sleep(POLL_MS, ports.closing);
  }
}

export interface AcceleratedPorts extends TimekeeperPorts {
  /** False while something else still works (events are being taken in), so that time must not move. */
  quiet(): boolean;
  /** Whether people have paused everything, so that their word is awaited. */
  paused(): boolean;
  /** Tells everything that asks the same clock (the sandbox company) before a jump takes effect here. */
  announce(at: number): Promise<void>;
}

/**
 * Lets business time jump to the next due timer whenever nothing is left to do; while people are asked it only
 * runs faster. Until `closing`.
 */
export async function keepAcceleratedTime(ports: AcceleratedPorts, clock: SteeredClock): Promise<void> {
  let lastLook = clock.monotonic();
  while (!ports.closing.aborted) {
    const elapsed = clock.monotonic() - lastLook;
    lastLook = clock.monotonic();
    await guarded(ports, () => moveOn(ports, clock, elapsed));
    await ports.machine.sleep(ACCELERATED_POLL_MS, ports.closing);
  }
}

async function moveOn(ports: AcceleratedPorts, clock: SteeredClock, elapsedMs: number): Promise<void> {
  if (!ports.runner.idle || !ports.quiet()) return;
  const due = await ports.journal.nextTimerDue();
  if (due === null || due > clock.now() + LONGEST_JUMP_MS) return;
  const { total: asked } = await ports.journal.listViews({ kind: 'approval', status: 'PENDING', limit: 1, skip: 0 });
  const reach = asked > 0 || ports.paused() ? clock.now() + Math.round(elapsedMs * PACE_WITH_PEOPLE) : due;
  const next = Math.min(due, Math.max(reach, clock.now()));
  if (next > clock.now()) {
    await ports.announce(next);
    clock.advanceTo(next);
  }
  if (due <= clock.now()) await ports.runner.tick();
}

async function guarded(ports: TimekeeperPorts, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!ports.closing.aborted) ports.onError(thrown);
  }
}
