import { randomBytes } from 'node:crypto';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { Anchor } from '../journal/log-keeper.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Machine } from '../platform/machine.ts';
import { openStamping } from '../timestamps/stamping.ts';
import type { TimeStampAuthority } from '../timestamps/time-stamp-authority.ts';
import { clientFor } from './client-for.ts';

/** The whole exchange with an authority, in ms: public ones answer within a second or two. */
const REQUEST_TIMEOUT_MS = 10_000;

/** What the server has of its time-stamping authority; nothing without one, which is the usual case: it calls a third party. */
export interface TimeStamps {
  /** For the log keeper. */
  readonly anchors: readonly Anchor[];
  /** For bundles, which are stamped when they are made. */
  readonly authority: TimeStampAuthority | null;
  /** How long the log has news that nobody stamped, in ms; null without an authority. */
  unstampedMs(): number | null;
  run(closing: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** @param stampsLog false where the log is not kept now: bundles are stamped all the same. */
export async function openTimeStamps(
  config: Config,
  ports: {
    readonly journal: Pick<Journal, 'streamHead' | 'readStream' | 'log' | 'shared'>;
    readonly committer: Pick<GroupCommitter, 'submit'>;
    readonly clock: Clock;
    readonly machine: Machine;
    readonly stampsLog: boolean;
    readonly onError: (thrown: unknown) => void;
  },
): Promise<TimeStamps> {
  const { timeStamps } = config;
  if (timeStamps === null) {
    const nothing = async (): Promise<void> => undefined;
    return { anchors: [], authority: null, unstampedMs: () => null, run: nothing, close: nothing };
  }
  const { journal, committer, clock, machine, stampsLog, onError } = ports;
  // What reads time stamps takes 12 MiB: only who has an authority pays for it.
  const { timeStampAuthority } = await import('../timestamps/time-stamp-authority.ts');
  const http = clientFor(timeStamps.url, config, { timeoutMs: REQUEST_TIMEOUT_MS, connections: 1 });
  const authority = timeStampAuthority({ ...timeStamps, http, randomBytes, wallNow: () => Date.now() });
  const monotonic = (): number => clock.monotonic();
  const stamping = await openStamping({
    authority,
    journal,
    committer,
    now: () => clock.now(),
    monotonic,
    machine,
    onError,
  });
  return {
    anchors: stampsLog ? [(note) => stamping.offer(note)] : [],
    authority,
    unstampedMs: () => (stampsLog ? stamping.unstampedMs() : 0),
    run: async (closing) => (stampsLog ? stamping.run(closing) : undefined),
    close: () => http.close(),
  };
}
