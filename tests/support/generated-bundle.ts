import { createHash } from 'node:crypto';
import type { Json } from '../../src/platform/canonical-json.ts';
import { sha256Hex } from '../../src/platform/hash.ts';
import { signCheckpoint } from '../../src/pipeline/audit/checkpoint.ts';
import { leafHash, rootsOver } from '../../src/pipeline/audit/merkle.ts';
import { FIRST_PREV, sealRecord, type SealedRecord } from '../../src/pipeline/audit/record.ts';
import { compareNames } from '../../src/pipeline/audit/sequencer.ts';
import { assembleBundle, type OfferedArtifact } from '../../src/pipeline/evidence/bundles/assemble-bundle.ts';
import { BUNDLE_FORMAT } from '../../src/pipeline/evidence/bundles/bundle-format.ts';
import { sealBundle, type SealedBundle } from '../../src/pipeline/evidence/bundles/write-bundle.ts';
import { LOG_ORIGIN, LOG_START, signingKey } from './generated-log.ts';

/** A bundle of an incident with three artefacts, made as the server makes it, for tests that then spoil it. */

export const EVIDENCE_IDS = ['evi_a', 'evi_b', 'evi_c'] as const;
export const CONTENTS: readonly Buffer[] = [
  Buffer.from('one line of a log\n'),
  Buffer.from([0, 1, 2, 3, 255]),
  Buffer.alloc(700, 'x'),
];

export interface GeneratedBundle {
  readonly sealed: SealedBundle;
  readonly signing: ReturnType<typeof signingKey>;
  /** Signed notes of the log: two earlier ones, and the one that the proofs lead to. */
  readonly notes: readonly string[];
}

export interface BundleOptions {
  readonly signing?: ReturnType<typeof signingKey>;
  /** What lies in the vault in place of the artefacts. */
  readonly contents?: readonly Buffer[];
  /** Custody that is not that of the contents. */
  readonly custody?: readonly Buffer[];
  readonly leftOut?: string;
  /** A text that stands in many members: names, reasons, sources. */
  readonly text?: string;
  stamp?(manifest: Buffer): Promise<Buffer | null>;
  /** Has one of the earlier checkpoints stamped. */
  stampNote?(note: Buffer): Promise<Buffer>;
}

export async function generateBundle(options: BundleOptions = {}): Promise<GeneratedBundle> {
  const signing = options.signing ?? signingKey();
  const records = recordsOf(options.custody ?? CONTENTS, options.text ?? 'a reason');
  const leaves = records.map(({ bytes }) => leafHash(bytes));
  const rootOf = rootsOver((position) => leaves[position] ?? '');
  const noteOf = (size: number): string =>
    signCheckpoint({ origin: LOG_ORIGIN, size, root: rootOf({ start: 0, end: size }) }, signing.signing);
  const sizes = [3, 8, leaves.length];
  const notes = sizes.map(noteOf);
  const [, second = ''] = notes;
  const token = (await options.stampNote?.(Buffer.from(second))) ?? null;
  const placed = records.map(({ record, bytes }, position) => ({ ...record, bytes, position }));
  const contents = options.contents ?? CONTENTS;
  const artifacts = EVIDENCE_IDS.map((evidenceId, index): OfferedArtifact => {
    const content = contents[index] ?? Buffer.alloc(0);
    return {
      evidenceId,
      leftOut: index === 2 ? (options.leftOut ?? null) : null,
      complete: index !== 1,
      ...digestsOf(CONTENTS[index] ?? content),
      open: async () => blocksOf(content),
    };
  });
  const parts = assembleBundle({
    about: {
      format: BUNDLE_FORMAT,
      bundleId: 'bun_1',
      incidentId: 'inc_1',
      journalId: 'jrn_test',
      generation: 1,
      accelerated: false,
      exportedAt: LOG_START + 60_000,
      exportedBy: 'usr_0123456789abcdefghjkmnpqrs',
      reason: options.text ?? 'for the police',
      checkpoint: { origin: LOG_ORIGIN, size: leaves.length, root: rootOf({ start: 0, end: leaves.length }) },
    },
    records: placed.filter(({ stream }) => stream !== 'other').toSorted(compareNames),
    rootOf,
    checkpoint: notes[2] ?? '',
    earlier: [0, 1].map((index) => ({
      note: notes[index] ?? '',
      size: sizes[index] ?? 0,
      token: index === 1 ? token : null,
    })),
    keys: [signing.key],
    openings: [],
    objects: [],
    artifacts,
    people: new Map([['usr_0123456789abcdefghjkmnpqrs', options.text ?? 'Ada Admin']]),
  });
  const stamp = options.stamp ?? (async () => null);
  const signer = { name: LOG_ORIGIN, keys: signing.signing };
  return { sealed: await sealBundle({ ...parts, signer, stamp }), signing, notes };
}

/** The whole archive. */
export async function archiveOf({ sealed }: Pick<GeneratedBundle, 'sealed'>): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of sealed.content()) blocks.push(block);
  return Buffer.concat(blocks);
}

async function* blocksOf(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += 256) yield content.subarray(start, start + 256);
}

function digestsOf(content: Buffer) {
  return {
    size: content.length,
    sha256: sha256Hex(content),
    sha512: createHash('sha512').update(content).digest('hex'),
  };
}

/** In the order in which they were committed; `other` is none of the incident's. */
function recordsOf(custody: readonly Buffer[], text: string): readonly SealedRecord[] {
  const heads = new Map<string, { seq: number; prev: string }>();
  const sealed: SealedRecord[] = [];
  const add = (stream: string, type: string, data: { readonly [key: string]: Json }): void => {
    const { seq, prev } = heads.get(stream) ?? { seq: 0, prev: FIRST_PREV };
    const record = sealRecord({ stream, seq: seq + 1, type, v: 1, at: LOG_START + sealed.length * 1_000, prev, data });
    heads.set(stream, { seq: seq + 1, prev: record.hash });
    sealed.push(record);
  };
  const voter = { userId: 'usr_0123456789abcdefghjkmnpqrs' };
  add('incident/inc_1', 'incident.opened', {
    cause: { type: 'findings' },
    incident: { type: 'CUSTOM', summary: text },
  });
  add('other', 'config.changed', { n: 1 });
  add('execution/exe_1', 'execution.advanced', {
    input: { type: 'start', requester: { type: 'engine', id: 'engine' } },
    facts: [{ type: 'execution.started' }],
  });
  for (const [index, id] of EVIDENCE_IDS.entries()) {
    add(`evidence/${id}`, 'evidence.begun', { identity: { name: text }, source: { host: text, location: '/var/log' } });
    add('other', 'config.changed', { n: index + 2 });
    add(`evidence/${id}`, 'evidence.preserved', {
      ...digestsOf(custody[index] ?? Buffer.alloc(0)),
      complete: index !== 1,
    });
  }
  add('execution/exe_1', 'execution.advanced', {
    input: { type: 'vote', approvalId: 'apr_1', decision: 'APPROVE', comment: text, voter },
    facts: [{ type: 'approval.decided', approvalId: 'apr_1', status: 'APPROVED' }],
  });
  add('incident/inc_1', 'incident.closed', {
    cause: { reason: text },
    incident: { type: 'CUSTOM', status: 'RESOLVED' },
  });
  return sealed;
}
