import type { Random } from '../../src/demo/random.ts';

/** The ways in which a log is spoiled, and what must then be found. Only tests import this file. */
export const KINDS = ['byte', 'delete', 'duplicate', 'swap', 'forge', 'truncate', 'roll back'] as const;
export type Kind = (typeof KINDS)[number];

/** What the verdict must be on a spoiled log. Members that are absent are not told by this change. */
export interface Expected {
  readonly verdict: RegExp;
  readonly stream?: string;
  readonly seq?: number;
  readonly position?: number;
}

/** A spoiled log in a directory of its own. */
export interface Tampered {
  readonly kind: Kind;
  /** What was done, for people. */
  readonly what: string;
  readonly expected: Expected;
}

/** A log that can be spoiled again and again: an export, or a journal. */
export interface Victim {
  readonly name: 'export' | 'journal';
  /** Makes a spoiled copy in `directory`, which does not exist yet. */
  spoil(kind: Kind, directory: string, random: Random): Tampered;
  /** The options of `audit verify` for that copy; `witness` and `key` are the same for all. */
  options(directory: string): { readonly directory?: string; readonly data?: string; readonly keys?: string };
  readonly witness: string;
  readonly witnessKey: string;
}

/** The largest of the signed sizes that does not lie behind `position`: from there on a forger can only be placed by range. */
export function rangeStart(sizes: readonly number[], position: number): number {
  return sizes.filter((size) => size <= position).at(-1) ?? 0;
}

/** One byte exchanged for another, anywhere. */
export function byteChanged(bytes: Buffer, at: number, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (bytes[at] ?? 0) ^ random.integer(1, 255);
  return changed;
}

/** A record as a forger writes it: another time of no matter, all else in good form. */
export function forgedBytes(bytes: string, prev: string | null, mark: number): string {
  const record = JSON.parse(bytes);
  const data = { ...record.data, zz_forged: mark };
  // Members stay in order: the mark comes last, and `prev` keeps its place.
  return JSON.stringify({ ...record, data, ...(prev === null ? {} : { prev }) });
}
