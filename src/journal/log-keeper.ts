import type { Clock } from '../platform/clock.ts';
import { NO_CRASH_POINTS, type CrashPoint, type CrashPoints } from '../platform/crash-points.ts';
import { FirebreakError, invariant } from '../platform/errors.ts';
import type { Machine } from '../platform/machine.ts';
import { openCheckpoint, parseOrigin, signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { presentOrigin, readGenerations } from '../pipeline/audit/generations.ts';
import { appendLeaves, frontierRoot, leafHash, type Frontier } from '../pipeline/audit/merkle.ts';
import { noteKey } from '../pipeline/audit/signed-note.ts';
import { checkpointDue, planPositions } from '../pipeline/audit/sequencer.ts';
import type { Checkpoint, Journal } from './journal.ts';
import { keptFrontier } from './kept-frontier.ts';
import type { LogKeyPair } from './log-key.ts';
import type { Membership } from './membership.ts';

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
  /** It is another process that keeps the log now: whether it lags is that one's to say. */
  leave(): void;
  /** Leaves, and how many of them the newest checkpoint covers; both 0 in a process that does not keep the log. */
  state(): { readonly size: number; readonly signedSize: number };
}

/**
 * Gives committed records their place in the Merkle log and signs checkpoints. One at a time for a journal: `place`
 * refuses who comes second, and a checkpoint is computed from committed leaves and stands under its size.
 */
export async function openLogKeeper(
  journal: Pick<Journal, 'id' | 'accelerated' | 'log' | 'shared' | 'view' | 'commit' | 'readStream'>,
  key: LogKeyPair,
  clock: Clock,
  anchors: readonly Anchor[],
  points: CrashPoints = NO_CRASH_POINTS,
): Promise<LogKeeper> {
  const { id: journalId, accelerated } = journal;
  const name = presentOrigin({ journalId, accelerated }, await readGenerations(journal));
  const { log } = journal;
  let signed = await signedSize(log, name, key);
  const kept = keptFrontier(journal, noteKey(name, key.publicKey));
  let frontier = await grown(log, await kept.read(await log.size()));
  let signedAt: number | null = null;
  let keeps = true;
  let turn: Promise<void> = Promise.resolve();

  /** A few times in a second at most: here a micro-task costs nothing. */
  const reach = async (point: CrashPoint): Promise<void> => points.at(point);

  /** Another process may have kept the log since this one last did. */
  async function follow(): Promise<void> {
    if (!journal.shared) return;
    const { size } = frontier;
    frontier = await grown(log, frontier);
    if (keeps && frontier.size === size) return;
    keeps = true;
    signed = await signedSize(log, name, key);
  }

  async function place(): Promise<void> {
    for (let rows = await log.unsequenced(BATCH); rows.length > 0; rows = await log.unsequenced(BATCH)) {
      const plan = planPositions(
        frontier,
        rows.map(({ stream, seq, bytes }) => ({ stream, seq, leafHash: leafHash(bytes) })),
      );
      await reach('log.planned');
      const placed = await log.place(frontier.size, plan.leaves);
      await reach('log.placed');
      if (!placed) {
        frontier = await grown(log, frontier);
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
    await reach('checkpoint.signed');
    // Whoever came first may have signed a smaller log a moment ago: two keys must not both have signed.
    const newest = journal.shared ? (await log.checkpoints(1)).at(-1) : undefined;
    if (newest !== undefined) requireOwn(newest.note, name, key);
    const checkpoint = { size, at: clock.now(), note };
    await (journal.shared ? log.addCheckpoint(checkpoint, newest?.size ?? 0) : log.addCheckpoint(checkpoint));
    await reach('checkpoint.stored');
    // Published as read back, so that what is told outside is what the journal holds.
    const stored = (await log.checkpoints(1)).at(-1);
    invariant(
      stored !== undefined && openCheckpoint(stored.note, []).status !== 'malformed',
      'the checkpoint was stored',
    );
    // Where somebody else was first, it may have been with another key.
    if (journal.shared) requireOwn(stored.note, name, key);
    await publish(anchors, stored);
    await reach('checkpoint.published');
    // Less where somebody else with the same key was first; the rest is signed the next time.
    signed = Math.min(size, stored.size);
    signedAt = clock.monotonic();
  }

  /** So that a next start need not hash all of this again; only the frontier of a signed size can be believed then. */
  async function remember(): Promise<void> {
    if (frontier.size !== signed || !kept.isDue(frontier)) return;
    const last = (await log.checkpoints(1)).at(-1);
    if (last?.size === frontier.size) await kept.keep(frontier, last.note, clock.now());
  }

  function keep(force = false): Promise<void> {
    // One after the other: two turns at once would plan the same places.
    const next = turn.then(async () => {
      await follow();
      await place();
      await sign(force);
      await remember();
    });
    turn = next.catch(() => undefined);
    return next;
  }

  // Whoever comes first signs at once, so that whoever comes after learns by that whether it has the same key. Again while
  // nothing is signed: somebody else may have placed everything between two looks of ours, and not have signed it yet.
  if (journal.shared && signed === 0) {
    do await keep(true);
    while (signed === 0 && (await log.size()) > 0);
  }

  return {
    keep,
    leave() {
      keeps = false;
    },
    state: () => (keeps ? { size: frontier.size, signedSize: signed } : { size: 0, signedSize: 0 }),
  };
}

/**
 * Whoever signs next must be who signed before: a process that shares the journal and was given another key would make
 * checkpoints that nobody who trusts the first key believes.
 */
function requireOwn(note: string, name: string, { publicKey }: LogKeyPair): void {
  // The newest checkpoint may be one of the generation before: signed by the same key under another name.
  const [line = ''] = note.split('\n', 1);
  const signedAs = parseOrigin(line)?.journalId === parseOrigin(name)?.journalId ? line : name;
  if (openCheckpoint(note, [noteKey(signedAs, publicKey)]).status === 'valid') return;
  const message =
    'The log is signed with another key than the one that this process has; give it the same (LOG_KEY_FILE)';
  throw new FirebreakError('conflict', message);
}

/** Tells every anchor: what a full disk cannot take a witness may. @throws what the first of those threw that could not take it. */
async function publish(anchors: readonly Anchor[], { note, size }: Checkpoint): Promise<void> {
  const told = await Promise.allSettled(anchors.map((anchor) => anchor(note, size)));
  for (const each of told) if (each.status === 'rejected') throw each.reason;
}

/** What the newest checkpoint covers. @throws FirebreakError `conflict` when it was signed with another key. */
async function signedSize(log: Journal['log'], name: string, key: LogKeyPair): Promise<number> {
  const last = (await log.checkpoints(1)).at(-1);
  if (last === undefined) return 0;
  requireOwn(last.note, name, key);
  return last.size;
}

/**
 * The frontier with the leaves that were placed since: a log only grows.
 * @throws FirebreakError `conflict` where it does not. Nothing that is placed or signed after that would fit what was signed before.
 */
async function grown(log: Journal['log'], before: Frontier): Promise<Frontier> {
  const size = await log.size();
  if (size < before.size) {
    const message =
      `The log is shorter than it was (${size} of ${before.size} records): the database was set back. ` +
      'Start this process again: it compares the journal with what was published of it';
    throw new FirebreakError('conflict', message);
  }
  let frontier = before;
  for (let from = before.size; from < size; from += LEAVES_PER_READ) {
    frontier = appendLeaves(frontier, await log.leafHashes(from, Math.min(size, from + LEAVES_PER_READ)));
  }
  return frontier;
}

export interface LogDutyPorts {
  readonly members: Pick<Membership, 'leads'>;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  onError(thrown: unknown): void;
}

/** Keeps the log until `closing`, as long as that is the duty of this process. */
export async function keepLog(keeper: LogKeeper, ports: LogDutyPorts): Promise<void> {
  const { members, machine, closing } = ports;
  while (!closing.aborted) {
    await members
      .leads('log')
      .then(async (leads) => {
        if (leads) await keeper.keep();
        else keeper.leave();
      })
      .catch((thrown: unknown) => ports.onError(thrown));
    await machine.sleep(POLL_MS, closing);
  }
}
