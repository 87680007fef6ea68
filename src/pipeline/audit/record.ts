import { canonicalJson, type Json } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';

/**
 * One entry of the journal: immutable, numbered within its stream and chained by hash to the one before.
 *
 * The bytes that are hashed are the bytes that are stored: the canonical JSON of all members below. Columns
 * beside them are indexes only.
 */
export interface JournalRecord {
  /** `execution/exe_…`, `incident/…`, `playbook/…`, `policy/…`, `access`, `config`, `ingest/<instance>`. */
  readonly stream: string;
  /** 1, 2, 3 ... within the stream. */
  readonly seq: number;
  /** In the past tense: `execution.advanced`, `playbook.saved`. */
  readonly type: string;
  /** Version of this record type; readers read every version for ever. */
  readonly v: number;
  /** Business time, ms since 1970, never less than that of the record before in the stream. */
  readonly at: number;
  /** Hash of the record before, or 64 zeros for the first. */
  readonly prev: string;
  /** W3C trace id (32 hex) and correlation id, where there are any. */
  readonly trace?: { readonly traceId: string; readonly correlationId: string };
  readonly data: { readonly [key: string]: Json };
}

/** A record as stored: its bytes and their hash. */
export interface SealedRecord {
  readonly record: JournalRecord;
  readonly bytes: string;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly hash: string;
}

export const FIRST_PREV = '0'.repeat(64);

/** Makes the bytes and the hash. @throws NotCanonicalError when `data` holds what a record may not hold. */
export function sealRecord(record: JournalRecord): SealedRecord {
  const bytes = canonicalJson(record);
  return { record, bytes, hash: sha256Hex(bytes) };
}
