import { sign, verify, type KeyObject } from 'node:crypto';
import { invariant } from '../../platform/errors.ts';
import { parseCheckpointText, type Checkpoint } from './checkpoint.ts';
import {
  COSIGNATURE,
  formatVerifierKey,
  noteKey,
  parseNote,
  parseVerifierKey,
  signatureLine,
  type NoteKey,
} from './signed-note.ts';

/**
 * Cosignatures (c2sp.org/tlog-cosignature v1.0, Ed25519): a witness's statement that, as of a time, a checkpoint is
 * the largest consistent one of its log that the witness has seen.
 */

/** A witness's public key. Its id differs from that of the same key as a note key, so neither passes for the other. */
export interface WitnessKey extends NoteKey {
  readonly signs: 'cosignature/v1';
}

/** A checkpoint that a witness vouches for. */
export interface Cosigned {
  readonly checkpoint: Checkpoint;
  /** When the witness signed, in seconds since 1970 of its own clock. */
  readonly at: number;
}

/** Bytes of the time in front of the signature, and of an Ed25519 signature. */
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** @throws FirebreakError `invalid_request` as `noteKey`. */
export function witnessKey(name: string, publicKey: KeyObject): WitnessKey {
  return { ...noteKey(name, publicKey, COSIGNATURE), signs: 'cosignature/v1' };
}

/** The key as one line: `name+id+base64(0x04 || public key)`. */
export function formatWitnessKey(key: WitnessKey): string {
  return formatVerifierKey(key, COSIGNATURE);
}

/** The key of such a line, or null. Never throws. */
export function parseWitnessKey(line: string): WitnessKey | null {
  const key = parseVerifierKey(line.trim(), COSIGNATURE);
  return key === null ? null : { ...key, signs: 'cosignature/v1' };
}

function cosignedText(text: string, at: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${at}\n${text}`);
}

/** The signature line of a witness under a checkpoint's text. `at`: seconds since 1970. */
export function cosign(text: string, at: number, key: WitnessKey, privateKey: KeyObject): string {
  invariant(Number.isSafeInteger(at) && at >= 0, 'the time is in whole seconds');
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(at));
  return signatureLine(key.name, key.id, Buffer.concat([time, sign(null, cosignedText(text, at), privateKey)]));
}

/**
 * The checkpoint of a note under which there is a valid cosignature of `key`, or null. It says nothing about other
 * signatures, those of the log included. Never throws.
 */
export function openCosigned(note: string, key: WitnessKey): Cosigned | null {
  const parsed = parseNote(note);
  const checkpoint = parsed === null ? null : parseCheckpointText(parsed.text);
  if (parsed === null || checkpoint === null) return null;
  for (const { name, keyId, signature } of parsed.signatures) {
    if (name !== key.name || keyId !== key.id || signature.length !== TIME_BYTES + SIGNATURE_BYTES) continue;
    const at = Number(Buffer.from(signature.subarray(0, TIME_BYTES)).readBigUInt64BE());
    if (!Number.isSafeInteger(at)) continue;
    if (verify(null, cosignedText(parsed.text, at), key.publicKey, signature.subarray(TIME_BYTES))) {
      return { checkpoint, at };
    }
  }
  return null;
}
