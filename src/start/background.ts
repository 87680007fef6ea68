import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { keepMembership } from '../journal/keep-membership.ts';
import { keepLog, type LogKeeper } from '../journal/log-keeper.ts';
import { probeStore } from '../journal/store-probe.ts';
import type { PauseWatch } from '../pipeline/guards/pause-watch.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import { keepAcceleratedTime, keepTime } from '../pipeline/executions/timekeeper.ts';
import type { Clock, SteeredClock } from '../platform/clock.ts';
import type { Machine } from '../platform/machine.ts';

export interface BackgroundPorts {
  readonly journal: Journal;
  readonly members: Journal['members'];
  readonly committer: GroupCommitter;
  readonly keeper: LogKeeper;
  readonly pause: PauseWatch;
  readonly timekeeper: Pick<Runner, 'idle' | 'tick'>;
  readonly clock: Clock;
  /** Where time is accelerated: the clock that is moved. */
  readonly steered: SteeredClock | null;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  /** Whether this process does anything but take in and show. */
  readonly acts: boolean;
  readonly takeOver: () => Promise<void>;
  /** Whether nothing is being taken in. */
  readonly isQuiet: () => boolean;
  readonly announce: (at: number) => Promise<void>;
  /** What goes on already. */
  readonly always: readonly Promise<void>[];
  /** What goes on only in a process that acts. */
  readonly whereItActs: () => readonly Promise<void>[];
  onError(what: string): (thrown: unknown) => void;
}

/** Begins what works until the server closes: membership, log, time. Answers with all of it, to be waited for at the end. */
export function beginBackground(ports: BackgroundPorts): readonly Promise<void>[] {
  const { journal, members, machine, closing, acts, keeper, pause, clock, steered, onError } = ports;
  const background = [...ports.always, probeStore(ports)];
  if (journal.shared) {
    const takeOver = acts ? ports.takeOver : null;
    background.push(keepMembership({ members, machine, closing, takeOver, onError: onError('membership failed') }));
  }
  if (!acts) {
    keeper.leave();
    return background;
  }
  background.push(...ports.whereItActs());
  if (journal.shared) background.push(pause.keepLooking());
  background.push(keepLog(keeper, { members, machine, closing, onError: onError('the log could not be kept') }));
  const timekeeping = {
    runner: ports.timekeeper,
    journal,
    members,
    machine,
    closing,
    onError: onError('timers could not be applied'),
  };
  const accelerated = {
    ...timekeeping,
    quiet: ports.isQuiet,
    paused: () => pause.standing() === 'paused',
    announce: ports.announce,
  };
  background.push(steered === null ? keepTime(timekeeping, clock) : keepAcceleratedTime(accelerated, steered));
  return background;
}
