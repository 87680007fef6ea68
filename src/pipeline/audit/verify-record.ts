import { isUtf8 } from 'node:buffer';
import { canonicalJson, NotCanonicalError } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { isTreeHash } from './merkle.ts';
import type { RecordName } from './sequencer.ts';

/** A record as it lies in the journal or in an export. Nothing of it is believed. */
export interface StoredRecord {
  /** Exactly as stored. */
  readonly bytes: string | Uint8Array;
  /** The columns beside the bytes, where the store has any: an export has none. */
  readonly stream?: string;
  readonly seq?: number;
  /** SHA-256 of the bytes as stored beside them, hexadecimal. */
  readonly hash?: string;
}

/** What can be told of a record by itself. */
export interface ExaminedRecord {
  /** Null when it is not even UTF-8. */
  readonly text: string | null;
  /** SHA-256 of the text, or empty. */
  readonly hash: string;
  /** By its columns where there are any, else by its bytes; null when neither says. */
  readonly name: RecordName | null;
  readonly prev: string;
  readonly at: number;
  /** What is wrong with it by itself, as the rest of a sentence, or null. */
  readonly fault: string | null;
}

/** Looks at one record without its neighbours. Never throws. */
export function examineRecord(stored: StoredRecord): ExaminedRecord {
  const columns = nameIn(stored);
  const text = textOf(stored.bytes);
  if (text === null) return { text, hash: '', name: columns, prev: '', at: 0, fault: 'is not UTF-8 text' };
  const hash = sha256Hex(text);
  const parsed = parse(text);
  if (parsed === undefined) return { text, hash, name: columns, prev: '', at: 0, fault: 'is not JSON' };
  const inBytes = nameIn(parsed);
  const name = columns ?? inBytes;
  const missing = missingMember(parsed);
  const { prev, at } = linkIn(parsed);
  let fault: string | null = missing === null ? null : `has no valid "${missing}"`;
  fault ??= canonicalFault(parsed, text);
  if (fault === null && (inBytes?.stream !== name?.stream || inBytes?.seq !== name?.seq)) {
    fault = 'lies where another record belongs: its bytes name another stream or number';
  }
  if (fault === null && stored.hash !== undefined && stored.hash !== hash)
    fault = 'has another hash than the one stored beside it';
  return { text, hash, name, prev, at, fault };
}

/** The text, or null when the bytes are not exactly one text: an unpaired surrogate would hash like U+FFFD. */
function textOf(bytes: string | Uint8Array): string | null {
  if (typeof bytes === 'string') return bytes.isWellFormed() ? bytes : null;
  if (!isUtf8(bytes)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nameIn(value: unknown): RecordName | null {
  if (typeof value !== 'object' || value === null || !('stream' in value) || !('seq' in value)) return null;
  const { stream, seq } = value;
  if (typeof stream !== 'string' || stream === '' || typeof seq !== 'number') return null;
  return Number.isSafeInteger(seq) && seq >= 1 ? { stream, seq } : null;
}

function linkIn(value: unknown): { prev: string; at: number } {
  const link = { prev: '', at: 0 };
  if (typeof value !== 'object' || value === null) return link;
  if ('prev' in value && typeof value.prev === 'string') link.prev = value.prev;
  if ('at' in value && typeof value.at === 'number') link.at = value.at;
  return link;
}

/** The first member that is absent or not of its form, or null. Members we do not know may be of a later version. */
function missingMember(value: unknown): string | null {
  if (nameIn(value) === null) return 'stream" and "seq';
  if (typeof value !== 'object' || value === null) return 'stream';
  if (!('type' in value) || typeof value.type !== 'string' || value.type === '') return 'type';
  if (!('v' in value) || !Number.isSafeInteger(value.v)) return 'v';
  if (!('at' in value) || !Number.isSafeInteger(value.at)) return 'at';
  if (!('prev' in value) || !isTreeHash(value.prev)) return 'prev';
  if (!('data' in value) || typeof value.data !== 'object' || value.data === null || Array.isArray(value.data))
    return 'data';
  return null;
}

function canonicalFault(parsed: unknown, text: string): string | null {
  try {
    return canonicalJson(parsed) === text ? null : 'is not in canonical form';
  } catch (error) {
    if (error instanceof NotCanonicalError) return `is not in canonical form: ${error.message}`;
    throw error;
  }
}
