import { FirebreakError } from '../platform/errors.ts';
import type { Machine } from '../platform/machine.ts';
import type { SafeHttp } from '../platform/safe-http.ts';
import { parseCheckpointText, type Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { openCosigned, type WitnessKey } from '../pipeline/audit/cosignature.ts';
import { EMPTY_FRONTIER, type Frontier } from '../pipeline/audit/merkle.ts';
import { parseNote } from '../pipeline/audit/signed-note.ts';
import { formatAddCheckpoint } from './add-checkpoint.ts';
import { growthProof, growTo, type ReadLeaves } from './growth-proof.ts';

/** How often it is looked whether there is something to publish, in ms of machine time. */
const POLL_MS = 250;
/** Pause after a failure, doubled up to the second: many tries fit into the minute that may be unwitnessed. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

export interface PublisherPorts {
  readonly url: string;
  readonly key: WitnessKey;
  readonly http: SafeHttp;
  readonly readLeaves: ReadLeaves;
  /** The newest checkpoint that the journal holds now. */
  readonly newest: () => Promise<string | null>;
  readonly machine: Machine;
  /** Machine time, monotonic, in ms. */
  readonly monotonic: () => number;
  readonly onError: (thrown: unknown) => void;
}

export interface WitnessPublisher {
  /** Takes a new checkpoint to be cosigned; answers at once and never fails, so that the log waits for nobody. */
  offer(note: string): Promise<void>;
  /** How long a signed checkpoint has waited for the witness, in ms; 0 when the newest one is cosigned. */
  unwitnessedMs(): number;
  /** The newest cosigned checkpoint, with its cosignature; null when there is none yet since the start. */
  cosigned(): string | null;
  /** Publishes until `closing`, the newest checkpoint first: the ones before it are covered by it. */
  run(closing: AbortSignal): Promise<void>;
  /** One attempt: true when nothing is left to be cosigned. Never throws; `onError` is told. */
  publish(): Promise<boolean>;
}

interface Waiting {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/** Publishes checkpoints to a witness (c2sp.org/tlog-witness), the newest only, and tries again until it is cosigned. */
export function createWitnessPublisher(ports: PublisherPorts): WitnessPublisher {
  const { key, http, readLeaves } = ports;
  const url = `${ports.url.replace(/\/$/, '')}/add-checkpoint`;
  /** The old tree of the next request: the size that the witness vouches for, as far as we know. */
  let frontier: Frontier = EMPTY_FRONTIER;
  let waiting: Waiting | null = null;
  /** Since when something waits, and since when something newer than what is under way does. */
  let since: number | null = null;
  let newerSince: number | null = null;
  let cosignedNote: string | null = null;

  function take(note: string): void {
    const taken = read(note);
    if (taken === null) return;
    waiting = taken;
    since ??= ports.monotonic();
    newerSince ??= ports.monotonic();
  }

  /** Asks the witness; answers with its signature line, or with the size that it vouches for. */
  async function ask({ note, checkpoint }: Waiting): Promise<{ line: string } | { size: number }> {
    const proof = await growthProof(frontier, checkpoint.size, readLeaves);
    const reply = await http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'text/plain' },
      body: formatAddCheckpoint({ oldSize: frontier.size, proof, note }),
    });
    const text = reply.body.toString('utf8');
    if (reply.status === 200) return { line: text };
    const [size] = /^(0|[1-9][0-9]{0,15})\n$/.exec(text) ?? [];
    if (reply.status === 409 && size !== undefined) return { size: Number(size) };
    throw new FirebreakError('store_unavailable', `the witness answered ${reply.status}: ${text.slice(0, 200).trim()}`);
  }

  async function submit(item: Waiting): Promise<void> {
    if (frontier.size > item.checkpoint.size) frontier = EMPTY_FRONTIER;
    let answer = await ask(item);
    if ('size' in answer && answer.size !== frontier.size) {
      // The first request after a start, or after a crash between the witness's disk and its answer.
      if (answer.size > item.checkpoint.size) return submit(await newestFrom(answer.size));
      frontier = await growTo(frontier, answer.size, readLeaves);
      answer = await ask(item);
    }
    if ('size' in answer) {
      const why =
        answer.size === frontier.size ? 'another history of this size: the log was forked' : 'another size now';
      throw new FirebreakError('conflict', `the witness vouches for ${why}`);
    }
    const note = `${item.note}${answer.line}`;
    if (openCosigned(note, key) === null) {
      throw new FirebreakError('store_unavailable', 'the witness answered without a valid cosignature of its key');
    }
    cosignedNote = note;
    frontier = await growTo(frontier, item.checkpoint.size, readLeaves);
  }

  /** Where several processes share the journal, another one that kept the log meanwhile has published more of it. */
  async function newestFrom(size: number): Promise<Waiting> {
    const newest = read((await ports.newest()) ?? '');
    if (newest !== null && newest.checkpoint.size >= size) return newest;
    const present = newest?.checkpoint.size ?? 0;
    const message = `the witness vouches for ${size} records of this log and it has ${present}: it was set back`;
    throw new FirebreakError('conflict', message);
  }

  async function publish(): Promise<boolean> {
    const item = waiting;
    if (item === null) return true;
    newerSince = null;
    try {
      await submit(item);
    } catch (thrown) {
      ports.onError(thrown);
      return false;
    }
    if (waiting === item) waiting = null;
    since = newerSince;
    return true;
  }

  return {
    offer: async (note) => take(note),
    unwitnessedMs: () => (since === null ? 0 : Math.max(0, ports.monotonic() - since)),
    cosigned: () => cosignedNote,
    publish,
    async run(closing) {
      let pause = FIRST_PAUSE_MS;
      while (!closing.aborted) {
        if (await publish()) pause = FIRST_PAUSE_MS;
        else {
          await ports.machine.sleep(pause, closing);
          pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
        }
        await ports.machine.sleep(POLL_MS, closing);
      }
    },
  };
}

/** A checkpoint of a note; null when it is none. */
function read(note: string): Waiting | null {
  const parsed = parseNote(note);
  const checkpoint = parsed === null ? null : parseCheckpointText(parsed.text);
  return checkpoint === null ? null : { note, checkpoint };
}
