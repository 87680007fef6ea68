import { setTimeout as machineDelay } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import { invariant } from '../platform/errors.ts';
import { openCheckpoint, origin, signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, leafHash, type Frontier } from '../pipeline/audit/merkle.ts';
import { checkpointDue, planPositions } from '../pipeline/audit/sequencer.ts';
import type { Journal } from './journal.ts';
import type { LogKeyPair } from './log-key.ts';

/** How often new records are looked for, in ms of machine time; well below the checkpoint interval. */
const POLL_MS = 250;
/** Records placed in one commit. */
const BATCH = 1_000;
/** Leaf hashes read at once when the frontier is computed at start. */
const LEAVES_PER_READ = 10_000;

/** Publishes a signed checkpoint somewhere outside of the journal. */
export type Anchor = (note: string, size: number) => Promise<void>;

export interface LogKeeper {
  /** Places everything that is committed and signs when it is due (`force`: when anything is unsigned). */
  keep(force?: boolean): Promise<void>;
  /** Leaves, and how many of them the newest checkpoint covers. */
  state(): { readonly size: number; readonly signedSize: number };
}

/**
 * Gives committed records their place in the Merkle log and signs checkpoints. One at a time for a journal: `place`
 * refuses who comes second, and a checkpoint is computed from committed leaves and stands under its size.
 */
export async function openLogKeeper(
  journal: Pick<Journal, 'id' | 'accelerated' | 'log'>,
  key: LogKeyPair,
  clock: Clock,
  anchors: readonly Anchor[],
): Promise<LogKeeper> {
  const name = origin(journal.id, { accelerated: journal.accelerated, generation: 1 });
  const { log } = journal;
  let frontier = await frontierOf(log);
  let signed = (await log.checkpoints()).at(-1)?.size ?? 0;
  let signedAt: number | null = null;
  let turn: Promise<void> = Promise.resolve();

  async function place(): Promise<void> {
    for (let rows = await log.unsequenced(BATCH); rows.length > 0; rows = await log.unsequenced(BATCH)) {
      const plan = planPositions(
        frontier,
        rows.map(({ stream, seq, bytes }) => ({ stream, seq, leafHash: leafHash(bytes) })),
      );
      if (!(await log.place(frontier.size, plan.leaves))) {
        frontier = await frontierOf(log);
        continue;
      }
      frontier = plan.frontier;
      if (rows.length < BATCH) return;
    }
  }

  async function sign(force: boolean): Promise<void> {
    const { size } = frontier;
    const due = force ? size > signed : checkpointDue({ size, signedSize: signed, signedAt, now: clock.monotonic() });
    if (!due) return;
    const note = signCheckpoint({ origin: name, size, root: frontierRoot(frontier) }, key);
    await log.addCheckpoint({ size, at: clock.now(), note });
    // Published as read back, so that what is told outside is what the journal holds.
    const stored = (await log.checkpoints()).at(-1);
    invariant(
      stored !== undefined && openCheckpoint(stored.note, []).status !== 'malformed',
      'the checkpoint was stored',
    );
    for (const anchor of anchors) await anchor(stored.note, stored.size);
    signed = size;
    signedAt = clock.monotonic();
  }

  return {
    keep(force = false) {
      // One after the other: two turns at once would plan the same places.
      const next = turn.then(async () => {
        await place();
        await sign(force);
      });
      turn = next.catch(() => undefined);
      return next;
    },
    state: () => ({ size: frontier.size, signedSize: signed }),
  };
}

async function frontierOf(log: Journal['log']): Promise<Frontier> {
  const size = await log.size();
  let frontier = EMPTY_FRONTIER;
  for (let from = 0; from < size; from += LEAVES_PER_READ) {
    frontier = appendLeaves(frontier, await log.leafHashes(from, Math.min(size, from + LEAVES_PER_READ)));
  }
  return frontier;
}

/** Keeps the log until `closing`, then signs what is left. */
export async function keepLog(
  keeper: LogKeeper,
  closing: AbortSignal,
  onError: (thrown: unknown) => void,
): Promise<void> {
  while (!closing.aborted) {
    await keeper.keep().catch(onError);
    await machineDelay(POLL_MS, undefined, { signal: closing }).catch(() => undefined);
  }
}
