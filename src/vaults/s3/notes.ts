import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VaultError } from '../../pipeline/evidence/vault.ts';
import type { VaultKey } from '../key-file.ts';
import { CLEAR_FORM, formOfHeader, HEADER_BYTES, type BlockForm } from '../sealed-blocks.ts';
import type { Bucket } from './bucket.ts';
import type { Place } from './locks.ts';
import { readSmall } from './small-objects.ts';

/** A part of what is stored, as it was sent. */
export interface StoredPart {
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * What an object is, written before its bytes are: by it a write that was cut off at its very end is finished by whoever finds it, and
 * each part is checked when it is read.
 */
export interface Note {
  /** Of the clear content, in bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
  /** The term that was asked for when it was written, ms since 1970. */
  readonly retainUntil: number;
  /** Of what is stored, in their order. */
  readonly parts: readonly StoredPart[];
  /** What stands before the sealed blocks, base64; null: it is not encrypted. */
  readonly header: string | null;
  /** Whether the parts were sent as such, which decides what the store's own checksum is made of. */
  readonly inParts: boolean;
}

/** That somebody writes an object. */
export interface Claim {
  /** Tells this write from any other of the same name. */
  readonly nonce: string;
  /** As in `Note`. */
  readonly header: string | null;
}

const HEX_32 = z.string().regex(/^[0-9a-f]{64}$/);
const HEADER = z
  .base64()
  .length((HEADER_BYTES * 4 + 8) / 3)
  .nullable();
/** S3 knows no part numbers above. */
export const MAX_PARTS = 10_000;
const NOTE = z.strictObject({
  size: z.int().min(0),
  sha256: HEX_32,
  sha512: z.string().regex(/^[0-9a-f]{128}$/),
  retainUntil: z.int(),
  parts: z.array(z.strictObject({ size: z.int().min(0), sha256: HEX_32 })).max(MAX_PARTS),
  header: HEADER,
  inParts: z.boolean(),
});
const CLAIM = z.strictObject({ nonce: z.string().regex(/^[0-9a-f]{32}$/), header: HEADER });

export function bytesOf(said: Note | Claim): Buffer {
  return Buffer.from(JSON.stringify(said));
}

/** @throws VaultError `missing`, `damaged`, `unavailable`. */
export async function readNote(bucket: Bucket, place: Place): Promise<Note> {
  const read = NOTE.safeParse(jsonIn(await readSmall(bucket, place)));
  if (read.success) return read.data;
  throw new VaultError('damaged', 'The note of the evidence cannot be read');
}

/** Null: it cannot be read, and says nothing. @throws VaultError `unavailable`. */
export async function readClaim(bucket: Bucket, place: Place): Promise<Claim | null> {
  const read = CLAIM.safeParse(jsonIn(await readSmall(bucket, place)));
  return read.success ? read.data : null;
}

/** @throws VaultError `unavailable` when none of the keys is the one, `damaged`. */
export function formOf({ header }: Pick<Claim, 'header'>, keys: readonly VaultKey[]): BlockForm {
  return header === null ? CLEAR_FORM : formOfHeader(Buffer.from(header, 'base64'), keys);
}

export function storedSize({ parts }: Pick<Note, 'parts'>): number {
  return parts.reduce((total, { size }) => total + size, 0);
}

/**
 * What the store has to say of the object by itself: the SHA-256 of the bytes or, of one that came in parts, that of the parts' SHA-256
 * and their number.
 */
export function storeChecksum({ parts, inParts }: Pick<Note, 'parts' | 'inParts'>): string {
  const digests = parts.map(({ sha256 }) => Buffer.from(sha256, 'hex'));
  if (!inParts) return (digests[0] ?? Buffer.alloc(0)).toString('base64');
  return `${createHash('sha256').update(Buffer.concat(digests)).digest('base64')}-${parts.length}`;
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
