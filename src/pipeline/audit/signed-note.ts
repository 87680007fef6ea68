import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import { FirebreakError } from '../../platform/errors.ts';

/**
 * Signed notes (c2sp.org/signed-note v1.0.0): text, an empty line, and one line for each signature. Only Ed25519
 * keys (signature type 0x01) are known here; lines of other keys and types are ignored, as the specification asks.
 */

/** Longest note, in UTF-16 units: a checkpoint with 16 post-quantum cosignatures of 5 kB stays well below. */
export const MAX_NOTE_LENGTH = 256 * 1024;

/** Most signature lines that are looked at; the specification asks for at least 16. */
const MAX_SIGNATURES = 64;

/** Type byte of Ed25519 signatures over the note text. */
const ED25519 = 0x01;

/** Type byte of Ed25519 cosignatures (c2sp.org/tlog-cosignature); `witness/cosignature.ts` makes and checks them. */
export const COSIGNATURE = 0x04;

/** What a signature says of the text. */
export type SignatureType = typeof ED25519 | typeof COSIGNATURE;

const ED25519_KEY_BYTES = 32;

/** A public key that may sign notes, under the name it signs with. */
export interface NoteKey {
  readonly name: string;
  /** First 4 bytes of SHA-256(name || 0x0A || type || public key), as 8 hexadecimal characters. */
  readonly id: string;
  readonly publicKey: KeyObject;
}

/** One signature line, not yet verified. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** A note taken apart, not yet verified. */
export interface Note {
  /** What was signed: all text before the separating empty line, with its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/**
 * The key under its note name.
 *
 * @throws FirebreakError `invalid_request` when the name is empty or holds spaces, `+` or control characters, or the
 *   key is not Ed25519.
 */
export function noteKey(name: string, publicKey: KeyObject, type: SignatureType = ED25519): NoteKey {
  if (!isKeyName(name)) {
    throw new FirebreakError('invalid_request', 'A key name must not be empty nor hold spaces or plus signs.', [
      { pointer: '/name', detail: 'Use the origin of the log, for example firebreak/jrn_1/g1.' },
    ]);
  }
  const raw = rawPublicKey(publicKey);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), raw]), 'hex').slice(0, 8);
  return { name, id, publicKey };
}

/** The 32 bytes of an Ed25519 public key (RFC 8032). @throws FirebreakError `invalid_request` for any other key. */
export function rawPublicKey(publicKey: KeyObject): Buffer {
  const raw =
    publicKey.type === 'public' && publicKey.asymmetricKeyType === 'ed25519'
      ? publicKey.export({ format: 'jwk' }).x
      : null;
  if (typeof raw !== 'string') {
    throw new FirebreakError('invalid_request', 'Checkpoints are signed with Ed25519 keys only.', [
      { pointer: '/publicKey', detail: 'Give the public half of an Ed25519 key.' },
    ]);
  }
  return Buffer.from(raw, 'base64url');
}

/**
 * The note with one signature.
 *
 * @throws FirebreakError `invalid_request` when the text does not end in a newline, holds control characters, or the
 *   name cannot be a key name.
 */
export function signNote(text: string, name: string, keys: { publicKey: KeyObject; privateKey: KeyObject }): string {
  if (!isNoteText(text)) {
    throw new FirebreakError('invalid_request', 'A note ends in a newline and holds no control characters.');
  }
  const { id } = noteKey(name, keys.publicKey);
  const signature = sign(null, Buffer.from(text), keys.privateKey);
  return `${text}\n${signatureLine(name, id, signature)}`;
}

/** One signature line, with its newline. */
export function signatureLine(name: string, keyId: string, signature: Uint8Array): string {
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`;
}

/** The note taken apart, or null when it is not of the form. Never throws. */
export function parseNote(note: string): Note | null {
  if (note.length > MAX_NOTE_LENGTH || !isNoteText(note)) return null;
  const gap = note.lastIndexOf('\n\n');
  if (gap < 0) return null;
  const lines = note.slice(gap + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return null;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return null;
    signatures.push(signature);
  }
  return { text: note.slice(0, gap + 1), signatures };
}

function parseSignatureLine(line: string): NoteSignature | null {
  const [dash, name, encoded, ...more] = line.split(' ');
  if (dash !== '\u2014' || name === undefined || encoded === undefined || more.length > 0 || !isKeyName(name))
    return null;
  const bytes = decodeBase64(encoded);
  if (bytes === null || bytes.length <= 4) return null;
  return { name, keyId: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) };
}

/** Standard base64 in its one canonical spelling, or null. `Buffer.from` alone would skip what it does not know. */
export function decodeBase64(encoded: string): Buffer | null {
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes : null;
}

/**
 * `valid`: a known key signed it, and no signature line of a known key is wrong. `invalid`: a line names a known key
 * and does not verify. `unknown`: no line is by a known key. The text must be ignored unless the answer is `valid`.
 */
export type NoteVerdict =
  | { readonly status: 'valid'; readonly signers: readonly NoteKey[] }
  | { readonly status: 'invalid'; readonly signers: readonly NoteKey[] }
  | { readonly status: 'unknown' };

/** Checks every signature line that is by one of `keys`; lines of others are ignored. Never throws. */
export function verifyNote(note: Note, keys: readonly NoteKey[]): NoteVerdict {
  const signed = Buffer.from(note.text);
  const good: NoteKey[] = [];
  const bad: NoteKey[] = [];
  for (const { name, keyId, signature } of note.signatures) {
    const known = keys.filter((key) => key.name === name && key.id === keyId);
    if (known.length === 0) continue;
    const signer = known.find((key) => verifies(signed, key.publicKey, signature));
    if (signer === undefined) bad.push(...known);
    else good.push(signer);
  }
  if (bad.length > 0) return { status: 'invalid', signers: bad };
  return good.length > 0 ? { status: 'valid', signers: good } : { status: 'unknown' };
}

function verifies(signed: Uint8Array, publicKey: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(null, signed, publicKey, signature);
  } catch {
    // Some OpenSSL builds throw for a signature of the wrong length instead of answering no.
    return false;
  }
}

/** Ends in a newline, is well-formed, and holds no control character but newlines. */
function isNoteText(text: string): boolean {
  if (!text.endsWith('\n') || !text.isWellFormed()) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 && code !== 0x0a) return false;
  }
  return true;
}

/** Not empty, no Unicode space, no plus, no control character; well-formed. */
export function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\u0085]/u.test(name) && isNoteText(`${name}\n`);
}

/** The key as one line for other tools that know signed notes: `name+id+base64(type || public key)`. */
export function formatVerifierKey(key: NoteKey, type: SignatureType = ED25519): string {
  const encoded = Buffer.concat([Uint8Array.of(type), rawPublicKey(key.publicKey)]).toString('base64');
  return `${key.name}+${key.id}+${encoded}`;
}

/** The key of a verifier key line, or null when it is malformed, of another type, or its id is wrong. Never throws. */
export function parseVerifierKey(line: string, type: SignatureType = ED25519): NoteKey | null {
  const [name, id, ...rest] = line.split('+');
  const bytes = decodeBase64(rest.join('+'));
  if (name === undefined || id === undefined || !isKeyName(name) || bytes === null) return null;
  if (bytes.length !== 1 + ED25519_KEY_BYTES || bytes[0] !== type) return null;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') };
  const key = noteKey(name, createPublicKey({ key: jwk, format: 'jwk' }), type);
  return key.id === id ? key : null;
}
