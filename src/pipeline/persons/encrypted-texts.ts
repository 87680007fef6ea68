import { createCipheriv, createDecipheriv } from 'node:crypto';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { hmacSha256 } from '../../platform/hash.ts';

/**
 * The texts of one record that are one person's, under a key that opens this record and no other: AES-256-GCM.
 *
 * The nonce follows from the texts (HMAC under the record's key), so that a commit that is repeated writes the same bytes, and two
 * different versions of a record never share a nonce. The ciphertext is bound to the record's place: moved elsewhere it does not open.
 * A box is the base64 of nonce, ciphertext and tag, in this order.
 */

/** Where a record stands: what its ciphertext is bound to, as JSON, which is canonical for a list of a name and a whole number. */
export interface RecordPlace {
  readonly stream: string;
  readonly seq: number;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The key of one record, which follows from its person's key. Whoever is given it can read that person's texts in this record, and
 * in no other: that is how a bundle for a court opens what it holds.
 * @param personKey 32 random bytes. @returns 32 bytes.
 */
export function recordKey(personKey: Uint8Array, { stream, seq }: RecordPlace): Buffer {
  return hmacSha256(personKey, JSON.stringify(['record', stream, seq]));
}

export function encryptTexts(key: Uint8Array, place: RecordPlace, texts: readonly string[]): string {
  const plain = Buffer.from(canonicalJson(texts));
  const nonce = hmacSha256(key, plain).subarray(0, NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  cipher.setAAD(boundTo(place));
  const encrypted = [cipher.update(plain), cipher.final()];
  return Buffer.concat([nonce, ...encrypted, cipher.getAuthTag()]).toString('base64');
}

/** @throws Error when the box was changed, belongs to another record, or another key made it. */
export function decryptTexts(key: Uint8Array, place: RecordPlace, box: string): readonly string[] {
  const bytes = Buffer.from(box, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('the encrypted texts are too short');
  const end = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(place));
  decipher.setAuthTag(bytes.subarray(end));
  const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()]);
  // Only `encryptTexts` makes what the tag agrees to.
  return JSON.parse(plain.toString('utf8')) as readonly string[];
}

function boundTo({ stream, seq }: RecordPlace): Buffer {
  return Buffer.from(JSON.stringify([stream, seq]));
}
