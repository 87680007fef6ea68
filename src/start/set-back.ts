import { join } from 'node:path';
import { newestNote } from '../journal/file-anchor.ts';
import type { Journal, LogStore } from '../journal/journal.ts';
import type { LogKeyPair } from '../journal/log-key.ts';
import { openCheckpoint, type Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { openCosigned, parseWitnessKey } from '../pipeline/audit/cosignature.ts';
import { presentOrigin, readGenerations, type LostCheckpoint } from '../pipeline/audit/generations.ts';
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from '../pipeline/audit/merkle.ts';
import { noteKey } from '../pipeline/audit/signed-note.ts';
import { isOver, type SetBack } from '../pipeline/recovery/recovery.service.ts';
import type { Config } from '../platform/config.ts';
import type { Machine } from '../platform/machine.ts';
import { messageOf } from '../platform/errors.ts';
import { safeHttp } from '../platform/safe-http.ts';
import { askWitness } from '../witness/ask-witness.ts';

/** Whether the journal is older than what was published of it: a backup that was restored, or another history. */

/** How long a witness is waited for at the start, in ms: containment must not wait for somebody else's machine. */
const WITNESS_TIMEOUT_MS = 5_000;
/** Leaf hashes read at once. */
const LEAVES_PER_READ = 10_000;

/** A checkpoint of this log that somebody outside of the journal shows. */
interface Shown {
  readonly anchor: string;
  readonly checkpoint: Checkpoint;
}

/**
 * Compares the journal with the file beside it and with the witness. Null: it bears out what they show, or they show nothing.
 * @param onError told when the witness cannot be asked.
 */
export async function lookBack(
  journal: Pick<Journal, 'id' | 'accelerated' | 'log' | 'readStream'>,
  { dataDir, witness }: Pick<Config, 'dataDir' | 'witness'>,
  key: LogKeyPair,
  onError: (thrown: unknown) => void,
): Promise<SetBack | null> {
  const { id: journalId, accelerated, log } = journal;
  const name = presentOrigin({ journalId, accelerated }, await readGenerations(journal));
  const file = shownByFile(newestNote(join(dataDir, 'checkpoints.txt')), name, key);
  const lost = await lostOf(log, [file, await shownByWitness(witness, name, onError)]);
  if (lost.length === 0) return null;
  const signedSize = (await log.checkpoints(1)).at(-1)?.size ?? 0;
  return { size: await log.size(), signedSize, lost };
}

/** How often it is looked whether people have confirmed it, perhaps to another process, in ms. */
const CONFIRMED_POLL_MS = 250;

/** Resolves when two people have confirmed that a journal which was set back is used so; never for one that was not. */
export async function untilConfirmed(ports: {
  readonly journal: Pick<Journal, 'readStream'>;
  readonly setBack: SetBack | null;
  readonly machine: Machine;
  readonly closing: AbortSignal;
}): Promise<void> {
  const { journal, setBack, machine, closing } = ports;
  while (setBack !== null && !closing.aborted) {
    // A store that is away says nothing: the next look asks again.
    if (isOver(await readGenerations(journal).catch(() => []), setBack)) return;
    await machine.sleep(CONFIRMED_POLL_MS, closing);
  }
  return new Promise(() => undefined);
}

/** The checkpoint of a note of our own, in the file beside the journal; null when it is none of this log and key. */
function shownByFile(note: string | null, name: string, { publicKey }: LogKeyPair): Shown | null {
  const opened = note === null ? null : openCheckpoint(note, [noteKey(name, publicKey)]);
  return opened?.status === 'valid' ? { anchor: 'checkpoints.txt', checkpoint: opened.checkpoint } : null;
}

/**
 * What the witness vouches for. Null without a witness, when it knows nothing of the log yet, and when it cannot be asked
 * (`onError` is told): it will say so itself when the next checkpoint is published.
 */
async function shownByWitness(
  configured: { readonly url: string; readonly key: string } | null,
  name: string,
  onError: (thrown: unknown) => void,
): Promise<Shown | null> {
  const key = configured === null ? null : parseWitnessKey(configured.key);
  if (configured === null || key === null) return null;
  const http = safeHttp({ allow: [new URL(configured.url).host], totalTimeoutMs: WITNESS_TIMEOUT_MS });
  try {
    const { status, note } = await askWitness(http, configured.url, name);
    if (status === 404) return null;
    const cosigned = note === null ? null : openCosigned(note, key);
    if (cosigned?.checkpoint.origin === name) return { anchor: 'witness', checkpoint: cosigned.checkpoint };
    onError(new Error(`the witness answered ${status} without a checkpoint of this log that it cosigned`));
    return null;
  } catch (thrown) {
    onError(new Error(`the witness could not be asked whether the journal was set back: ${messageOf(thrown)}`));
    return null;
  } finally {
    await http.close();
  }
}

/** Those of the shown checkpoints that the journal does not bear out. Empty: it is not set back. */
async function lostOf(log: LogStore, shown: readonly (Shown | null)[]): Promise<readonly LostCheckpoint[]> {
  const size = await log.size();
  const lost: LostCheckpoint[] = [];
  for (const each of shown) {
    if (each === null) continue;
    const { anchor, checkpoint } = each;
    if (checkpoint.size <= size && (await isRootAt(log, checkpoint))) continue;
    lost.push({ anchor, origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root });
  }
  return lost;
}

/** Whether the log's first leaves have that root. The newest checkpoint of the journal's own spares reading them. */
async function isRootAt(log: LogStore, { size, root }: Checkpoint): Promise<boolean> {
  const newest = (await log.checkpoints(1)).at(-1);
  if (newest?.size === size) {
    const own = openCheckpoint(newest.note, []);
    return own.status !== 'malformed' && own.checkpoint.root === root;
  }
  let frontier = EMPTY_FRONTIER;
  for (let from = 0; from < size; from += LEAVES_PER_READ)
    frontier = appendLeaves(frontier, await log.leafHashes(from, Math.min(size, from + LEAVES_PER_READ)));
  return frontierRoot(frontier) === root;
}
