import type { Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { openCosigned, parseWitnessKey, type WitnessKey } from '../pipeline/audit/cosignature.ts';
import { FirebreakError } from '../platform/errors.ts';
import { safeHttp } from '../platform/safe-http.ts';
import { askWitness } from '../witness/ask-witness.ts';
import type { Io } from './io.ts';

/** Where a verifier gets the witness's word from, and whom it trusts. */
export interface WitnessSource {
  /** A file with cosigned checkpoints, or the address of the witness. */
  readonly witness?: string;
  /** The witness's public key line, or a file that holds it. */
  readonly witnessKey?: string;
}

/**
 * The checkpoints of the log that the witness cosigned; empty when no witness is asked.
 *
 * @throws FirebreakError when one is asked and gives none: a verifier that goes on without it would call a journal
 *   intact that was set back.
 */
export async function witnessedCheckpoints(
  { witness, witnessKey }: WitnessSource,
  origins: ReadonlySet<string>,
  io: Io,
): Promise<readonly Checkpoint[]> {
  if (witness === undefined && witnessKey === undefined) return [];
  if (witness === undefined || witnessKey === undefined) {
    throw new FirebreakError('invalid_request', 'give --witness and --witness-key together');
  }
  const key = parseWitnessKey(witnessKey) ?? parseWitnessKey(textIn(witnessKey, io));
  if (key === null) {
    throw new FirebreakError('invalid_request', '--witness-key is no key of a witness (name+id+base64, type 4)');
  }
  const notes = /^https?:\/\//.test(witness) ? await fetched(witness, origins) : notesIn(io.readTextSync(witness));
  return believed(notes, key, origins);
}

function believed(notes: readonly string[], key: WitnessKey, origins: ReadonlySet<string>): readonly Checkpoint[] {
  const found: Checkpoint[] = [];
  for (const note of notes) {
    const cosigned = openCosigned(note, key);
    if (cosigned === null) continue;
    if (!origins.has(cosigned.checkpoint.origin)) {
      throw new FirebreakError(
        'conflict',
        `the witness vouches for ${cosigned.checkpoint.origin}, which is another log`,
      );
    }
    found.push(cosigned.checkpoint);
  }
  if (found.length === 0) throw new FirebreakError('not_found', 'no checkpoint there is cosigned by this witness');
  return found;
}

async function fetched(base: string, origins: ReadonlySet<string>): Promise<readonly string[]> {
  // The address was typed by the person who verifies, so it may lie inside.
  const http = safeHttp({ allow: [new URL(base).host] });
  try {
    const notes: string[] = [];
    for (const origin of origins) {
      const { note } = await askWitness(http, base, origin);
      if (note !== null) notes.push(note);
    }
    return notes;
  } finally {
    await http.close();
  }
}

/** Notes in a file, each as it was published; an empty line and the next origin part them. */
export function notesIn(text: string): readonly string[] {
  return text
    .split(/\n\n(?=firebreak\/)/)
    .map((note) => `${note.trimEnd()}\n`)
    .filter((note) => note.trim() !== '');
}

function textIn(file: string, io: Io): string {
  try {
    return io.readTextSync(file);
  } catch {
    return '';
  }
}
