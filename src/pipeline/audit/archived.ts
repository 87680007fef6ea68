import { isTreeHash, type TreeHash } from './merkle.ts';

/** Stream and type of the records that name what retention took out. */
export const ARCHIVED_IN = 'config';
export const ARCHIVED_TYPE = 'journal.archived';

/** A stream that lies in an archive: how many records it has, and which is the last. */
export interface ArchivedStream {
  readonly stream: string;
  /** Its records are 1 to this. */
  readonly records: number;
  /** Hash of the last record. */
  readonly hash: string;
  /** Leaf hash of the last record: what the log knows of it when the record is gone. */
  readonly leaf: TreeHash;
}

/** The streams that a record names as archived; none when it is another record. Never throws. */
export function archivedStreamsIn(text: string): readonly ArchivedStream[] {
  const { stream, type, v, data } = objectIn(parse(text));
  if (stream !== ARCHIVED_IN || type !== ARCHIVED_TYPE || v !== 1) return [];
  const { streams } = objectIn(data);
  if (!Array.isArray(streams)) return [];
  return streams.flatMap((each: unknown) => archivedStream(each) ?? []);
}

/** Null when it has not the form. Never throws. */
export function archivedStream(value: unknown): ArchivedStream | null {
  const { stream, records, hash, leaf } = objectIn(value);
  if (typeof stream !== 'string' || stream === '' || !isTreeHash(hash) || !isTreeHash(leaf)) return null;
  if (typeof records !== 'number' || !Number.isSafeInteger(records) || records < 1) return null;
  return { stream, records, hash, leaf };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A copy without inherited members; empty for what is no object. */
function objectIn(value: unknown): Record<string, unknown> {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.assign(Object.create(null), plain ? value : {});
}
