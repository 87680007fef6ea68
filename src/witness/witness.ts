import type { KeyObject } from 'node:crypto';
import { FirebreakError } from '../platform/errors.ts';
import { cosign, type WitnessKey } from '../pipeline/audit/cosignature.ts';
import { parseNote, type NoteKey } from '../pipeline/audit/signed-note.ts';
import { judgeCheckpoint, parseAddCheckpoint } from './add-checkpoint.ts';
import type { WitnessStore } from './witness-store.ts';

/** Logs that one witness vouches for: each costs a file, and a witness is set up by hand. */
export const MAX_ORIGINS = 64;

export interface WitnessPorts {
  readonly key: WitnessKey;
  readonly privateKey: KeyObject;
  /** Keys of the logs that are vouched for; a key's name is the log's origin. */
  readonly logKeys: readonly NoteKey[];
  readonly store: WitnessStore;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** A log that signed two things that contradict each other; the notes are the evidence. */
  readonly onContradiction?: (why: string, note: string) => void;
}

/** An answer as HTTP gives it. */
export interface WitnessAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface Witness {
  /** `POST /add-checkpoint`. What it answers 200 to is on disk before it answers. @throws when it cannot be written. */
  addCheckpoint(body: string): WitnessAnswer;
  /** The newest cosigned checkpoint of the log with this name hash. */
  newest(hash: string): WitnessAnswer;
}

const TEXT = 'text/plain; charset=utf-8';

/** @throws FirebreakError `invalid_request` without any log, or with too many. */
export function createWitness({ key, privateKey, logKeys, store, now, onContradiction }: WitnessPorts): Witness {
  const origins = new Set(logKeys.map(({ name }) => name));
  if (origins.size === 0 || origins.size > MAX_ORIGINS) {
    throw new FirebreakError('invalid_request', `A witness vouches for 1 to ${MAX_ORIGINS} logs, not ${origins.size}.`);
  }
  return {
    addCheckpoint(body) {
      // From here to the end without a pause: what is checked is what is replaced.
      const request = parseAddCheckpoint(body);
      const judgement = judgeCheckpoint(request, logKeys, (origin) => store.latest(origin));
      if (judgement.kind === 'refused') {
        const { status, why, size, contradicts } = judgement;
        if (contradicts && request !== null) onContradiction?.(why, request.note);
        return size === null ? { status, type: TEXT, body: `${why}\n` } : sizeAnswer(size);
      }
      const { origin, size, root } = judgement.checkpoint;
      const note = request?.note ?? '';
      const line = cosign(parseNote(note)?.text ?? '', Math.floor(now() / 1_000), key, privateKey);
      store.keep(origin, { size, root }, `${note}${line}`);
      return { status: 200, type: TEXT, body: line };
    },
    newest(hash) {
      const note = store.note(hash);
      if (note === null) return { status: 404, type: TEXT, body: 'no checkpoint of this log was cosigned here\n' };
      return { status: 200, type: TEXT, body: note };
    },
  };
}

function sizeAnswer(size: number): WitnessAnswer {
  return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` };
}
