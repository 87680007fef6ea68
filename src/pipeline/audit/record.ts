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
  readonly trace?: RecordTrace;
  readonly data: { readonly [key: string]: Json };
}

/** The call that a record follows from. */
export interface RecordTrace {
  /** Absent where it is the trace id. */
  readonly correlationId?: string;
  /** W3C trace id, 32 hexadecimal digits. */
  readonly traceId: string;
}

/** A record as stored: its bytes and their hash. */
export interface SealedRecord {
  readonly record: JournalRecord;
  readonly bytes: string;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly hash: string;
}

export const FIRST_PREV = '0'.repeat(64);

/**
 * Makes the bytes and the hash. The members stand in the order of the canonical text, here and wherever records are
 * made: what is in order is written by the engine at once, everything else member by member. @throws NotCanonicalError when `data` holds what a record may not hold. */
export function sealRecord({ at, data, prev, seq, stream, trace, type, v }: JournalRecord): SealedRecord {
  const record: JournalRecord =
    trace === undefined ? { at, data, prev, seq, stream, type, v } : { at, data, prev, seq, stream, trace, type, v };
  const bytes = canonicalJson(record);
  return { record, bytes, hash: sha256Hex(bytes) };
}
