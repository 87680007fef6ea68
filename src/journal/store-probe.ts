import type { Clock } from '../platform/clock.ts';
import type { Machine } from '../platform/machine.ts';
import type { GroupCommitter } from './group-commit.ts';
import type { Change } from './journal.ts';

/** How often an ailing store is tried, in ms of machine time: how long a server stays unready after its store is well. */
const PROBE_MS = 500;

/**
 * What a trial writes, in characters: about what a busy commit writes. A few bytes would find room in pages that
 * are there already, and call a full disk well.
 */
const PROBE_LENGTH = 65_536;

/** The row that trials write, over and over. It stands among the kept replies, which are a cache and never proof. */
const PROBE_ID = 'probe';

export interface ProbePorts {
  readonly committer: Pick<GroupCommitter, 'submit' | 'ailing'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly closing: AbortSignal;
}

/**
 * Notices when an ailing store is well again although nobody asks for anything: a server that is taken out of service
 * because it is not ready gets no request that could show it. Writes nothing while the store is well. Until `closing`.
 */
export async function probeStore({ committer, clock, machine, closing }: ProbePorts): Promise<void> {
  while (!closing.aborted) {
    // A trial that fails says nothing new.
    if (committer.ailing) await committer.submit(trial(clock.now())).catch(() => undefined);
    await machine.sleep(PROBE_MS, closing);
  }
}

function trial(at: number): Change {
  const body = { trial: 'x'.repeat(PROBE_LENGTH) };
  return { appends: [], views: [{ kind: 'idempotency', id: PROBE_ID, expectedVersion: null, at, body }] };
}
