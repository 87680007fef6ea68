import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Json } from '../../src/platform/canonical-json.ts';
import { origin, signCheckpoint } from '../../src/pipeline/audit/checkpoint.ts';
import { EMPTY_FRONTIER, frontierRoot, leafHash } from '../../src/pipeline/audit/merkle.ts';
import { FIRST_PREV, sealRecord, type SealedRecord } from '../../src/pipeline/audit/record.ts';
import {
  compareNames,
  planPositions,
  type LeafRow,
  type UnsequencedRecord,
} from '../../src/pipeline/audit/sequencer.ts';
import { noteKey } from '../../src/pipeline/audit/signed-note.ts';
import type { LogToVerify } from '../../src/pipeline/audit/verify.ts';
import type { LogKey } from '../../src/pipeline/audit/verify-checkpoints.ts';
import type { StoredRecord } from '../../src/pipeline/audit/verify-record.ts';

/** A whole log as the journal would have written it, for tests that then spoil it. */
export interface GeneratedLog {
  /** By stream, then by seq. */
  readonly records: readonly SealedRecord[];
  readonly leaves: readonly LeafRow[];
  readonly unsequenced: readonly UnsequencedRecord[];
  /** Oldest first. */
  readonly checkpoints: readonly { readonly size: number; readonly at: number; readonly note: string }[];
  readonly keys: readonly LogKey[];
  readonly signing: Signing;
}

export interface Signing {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const LOG_ORIGIN = origin('jrn_test', { accelerated: false, generation: 1 });

/** Business time of the first record. */
export const LOG_START = 1_780_000_000_000;

/** A signing key and what verifiers know of it. */
export function signingKey(): { signing: Signing; key: LogKey } {
  const signing = generateKeyPairSync('ed25519');
  return { signing, key: { ...noteKey(LOG_ORIGIN, signing.publicKey), fromSize: 0, toSize: null } };
}

export interface Shape {
  readonly streams: number;
  readonly records: number;
  /** Records that are placed together; a checkpoint follows each batch. */
  readonly batch: number;
  /** Last records that are left without a place. */
  readonly unsequenced: number;
  /** Data of record `index`; text of any script by default. */
  readonly data?: (index: number) => { readonly [key: string]: Json };
}

/**
 * A valid log. Records fall to streams in a fixed irregular pattern, and each batch is one transaction of the
 * sequencer, so that places and streams interleave as they do in operation.
 */
export function generateLog(shape: Shape): GeneratedLog {
  const sealed = sealAll(shape);
  const { signing, key } = signingKey();
  const placedCount = sealed.length - shape.unsequenced;
  const leaves: LeafRow[] = [];
  const checkpoints: { size: number; at: number; note: string }[] = [];
  let frontier = EMPTY_FRONTIER;
  for (let start = 0; start < placedCount; start += shape.batch) {
    const batch = sealed.slice(start, Math.min(start + shape.batch, placedCount));
    const plan = planPositions(frontier, batch.map(waitingOf));
    leaves.push(...plan.leaves);
    ({ frontier } = plan);
    const { size } = frontier;
    const note = signCheckpoint({ origin: LOG_ORIGIN, size, root: frontierRoot(frontier) }, signing);
    checkpoints.push({ size, at: LOG_START + size, note });
  }
  return {
    records: [...sealed].sort((a, b) => compareNames(a.record, b.record)),
    leaves,
    unsequenced: sealed.slice(placedCount).map(waitingOf),
    checkpoints,
    keys: [key],
    signing,
  };
}

/** Records in the order in which they were committed. */
function sealAll({ streams, records, data }: Shape): SealedRecord[] {
  const heads = new Map<string, SealedRecord>();
  const sealed: SealedRecord[] = [];
  for (let index = 0; index < records; index += 1) {
    const stream =
      STREAM_NAMES[(index * 7 + (index % 5)) % streams] ?? `execution/exe_${(index * 7 + (index % 5)) % streams}`;
    const head = heads.get(stream);
    const made = sealRecord({
      stream,
      seq: (head?.record.seq ?? 0) + 1,
      type: 'execution.advanced',
      v: 1,
      at: LOG_START + index * 250,
      prev: head?.hash ?? FIRST_PREV,
      data: data?.(index) ?? { n: index, text: 'Zoë "№" \u2028 \\', nested: [{ ok: true }, null] },
    });
    heads.set(stream, made);
    sealed.push(made);
  }
  return sealed;
}

const STREAM_NAMES = ['access', 'config', 'evidence/é', 'execution/exe_1', 'execution/exe_2', 'incident/inc_1'];

export function waitingOf({ record, bytes }: SealedRecord): UnsequencedRecord {
  return { stream: record.stream, seq: record.seq, leafHash: leafHash(bytes) };
}

/** The record as the journal's tables hold it: with its columns. */
export function stored({ record, bytes, hash }: SealedRecord): StoredRecord {
  return { bytes, hash, stream: record.stream, seq: record.seq };
}

export type Parts = { -readonly [Part in keyof LogToVerify]?: LogToVerify[Part] };

/** What the verifier is given, with some parts spoiled. */
export function partsOf(from: GeneratedLog, changed: Parts = {}): LogToVerify {
  return {
    records: from.records.map(stored),
    leaves: from.leaves,
    unsequenced: from.unsequenced,
    checkpoints: from.checkpoints.map(({ note }) => note),
    ...changed,
  };
}

/** The item at `index`, from the end when negative. @throws when there is none: the test is wrong. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items.at(index);
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

/** A copy with the item at `index` replaced by others, or removed. */
export function replaced<T>(items: readonly T[], index: number, ...by: readonly T[]): T[] {
  return [...items.slice(0, index), ...by, ...items.slice(index + 1)];
}
