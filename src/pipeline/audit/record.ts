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
 * Makes the bytes and the hash. @throws NotCanonicalError when a member holds what a record may not hold.
 */
export function sealRecord({ at, data, prev, seq, stream, trace, type, v }: JournalRecord): SealedRecord {
  const record: JournalRecord =
    trace === undefined ? { at, data, prev, seq, stream, type, v } : { at, data, prev, seq, stream, trace, type, v };
  return { record, ...sealWritten({ at, stream, type, v, ...writtenMembers(record) }, seq, prev) };
}

/** A record whose members are canonical text already, but for its place in the chain. */
export interface WrittenRecord {
  readonly stream: string;
  readonly type: string;
  readonly v: number;
  readonly at: number;
  /** Canonical JSON. */
  readonly data: string;
  /** Canonical JSON, or null where there is none. */
  readonly trace: string | null;
}

/** The members that hold values of any shape, as canonical text. @throws NotCanonicalError. */
export function writtenMembers({ data, trace }: Pick<JournalRecord, 'data' | 'trace'>): {
  readonly data: string;
  readonly trace: string | null;
} {
  return { data: canonicalJson(data), trace: trace === undefined ? null : canonicalJson(trace) };
}

/**
 * Gives a written record its place in the chain: the bytes are the canonical JSON of all its members, whose names stand
 * here in the order that it asks for. Whoever writes need not look at `data` again for it.
 * @throws NotCanonicalError for a time, a number or a name that a record may not hold.
 */
export function sealWritten(
  { at, data, stream, trace, type, v }: WrittenRecord,
  seq: number,
  prev: string,
): { readonly bytes: string; readonly hash: string } {
  const traced = trace === null ? '' : `"trace":${trace},`;
  const bytes =
    `{"at":${canonicalJson(at)},"data":${data},"prev":${canonicalJson(prev)},"seq":${canonicalJson(seq)},` +
    `"stream":${canonicalJson(stream)},${traced}"type":${canonicalJson(type)},"v":${canonicalJson(v)}}`;
  return { bytes, hash: sha256Hex(bytes) };
}
