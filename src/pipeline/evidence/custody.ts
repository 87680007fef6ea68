import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { Acquisition, Disposition, Evidence, Identity, Integrity, Lineage, Source, Storage } from './evidence.ts';

/**
 * The records of one artefact: its custody, from the moment at which somebody began to take it. They are never changed; what is
 * known of the artefact is folded from them.
 */
export type CustodyRecord =
  | Entry<'evidence.begun', Begun>
  | Entry<'evidence.preserved', Preserved>
  /** Nothing came. */
  | Entry<'evidence.failed', { readonly why: string }>
  | Entry<'evidence.accessed', Accessed>
  | Entry<'evidence.exported', Exported>
  | Entry<'evidence.transferred', Transferred>
  | Entry<'evidence.verified', { readonly by: string }>
  | Entry<'evidence.alarm', Alarm>
  | Entry<'evidence.disposed', Omit<Disposition, 'at' | 'goneAt'>>
  /** The bytes are gone from the store. */
  | Entry<'evidence.gone', { readonly vault: string }>;

interface Entry<Type extends string, Data> {
  readonly type: Type;
  /** Business time, ms since 1970. */
  readonly at: number;
  readonly data: Data;
}

/** Written before the first byte is asked for: bytes that a crash leaves have an owner. */
export interface Begun {
  readonly identity: Identity;
  readonly source: Source;
  readonly acquisition: Omit<Acquisition, 'startedAt' | 'endedAt'>;
  readonly storage: Storage;
  readonly lineage: Omit<Lineage, 'duplicateOf'>;
  readonly exceptions: readonly string[];
}

/** Written when the bytes are on disk. */
export interface Preserved {
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
  readonly complete: boolean;
  readonly exceptions: readonly string[];
  readonly duplicateOf: string | null;
}

/** Written before the first byte is given out. */
export interface Accessed {
  readonly by: string;
  readonly reason: string;
  /** Bytes from `start` up to and without `end`; null: all. */
  readonly range: { readonly start: number; readonly end: number } | null;
}

export interface Exported {
  readonly by: string;
  readonly reason: string;
  /** Names what it went into: the id or the digest of a bundle. */
  readonly into: string;
}

export interface Transferred {
  readonly by: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** SHA-256 as found in the store before it was handed over, and as whoever has it now says; null: they have not said. */
  readonly before: string;
  readonly after: string | null;
}

/** Self-contained: notices are made of this record alone. */
export interface Alarm {
  readonly by: string;
  readonly evidenceId: string;
  readonly incidentId: string | null;
  readonly name: string;
  /** What is not as it was left, each as a sentence. */
  readonly found: readonly string[];
}

/** One more record. @throws for one that cannot come next: only this room writes them. */
export function evolveEvidence(before: Evidence | null, { type, at, data }: CustodyRecord): Evidence {
  if (type === 'evidence.begun') {
    invariant(before === null, 'an artefact is begun once');
    return begun(at, data);
  }
  invariant(before !== null, 'an artefact was begun before anything else');
  invariant(before.disposition === null || type === 'evidence.gone', 'nothing happens to what was disposed of');
  const next = { ...before, version: before.version + 1 };
  const { counts } = before;
  switch (type) {
    case 'evidence.preserved':
      return { ...next, ...preserved(before, at, data) };
    case 'evidence.failed':
      requireCollecting(before);
      return {
        ...next,
        acquisition: { ...before.acquisition, endedAt: at },
        exceptions: [...before.exceptions, data.why],
      };
    case 'evidence.accessed':
      return { ...next, counts: { ...counts, accesses: counts.accesses + 1 } };
    case 'evidence.exported':
      return { ...next, counts: { ...counts, exports: counts.exports + 1 } };
    case 'evidence.transferred':
      return {
        ...next,
        custodian: data.to,
        counts: { ...counts, transfers: counts.transfers + 1 },
        // Whoever has it says that it is something else: nobody may go on as if it were the same.
        alarm: data.after === null || data.after === data.before ? before.alarm : { at, found: [OTHER_RECEIVED] },
      };
    case 'evidence.verified': {
      const verified = { ...integrityOf(before), verifiedAt: at, verifiedBy: data.by };
      return { ...next, alarm: null, integrity: verified, counts: verifiedOnceMore(before) };
    }
    case 'evidence.alarm':
      return { ...next, alarm: { at, found: data.found }, counts: verifiedOnceMore(before) };
    case 'evidence.disposed':
      return { ...next, disposition: { ...data, at, goneAt: null } };
    case 'evidence.gone':
      invariant(before.disposition !== null, 'what is gone was disposed of before');
      return { ...next, disposition: { ...before.disposition, goneAt: at } };
  }
}

const OTHER_RECEIVED = 'Whoever received it has another SHA-256 than was handed over.';

/** The artefact that the records of its stream make, or null where there are none. */
export function foldEvidence(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Evidence | null {
  // What is in such a stream was written as a `CustodyRecord`.
  return records.reduce<Evidence | null>(
    (before, record) => evolveEvidence(before, record as unknown as CustodyRecord),
    null,
  );
}

function begun(at: number, { identity, source, acquisition, storage, lineage, exceptions }: Begun): Evidence {
  return {
    identity,
    source,
    acquisition: { ...acquisition, startedAt: at, endedAt: null },
    integrity: null,
    storage,
    lineage: { ...lineage, duplicateOf: null },
    exceptions,
    counts: { accesses: 0, transfers: 0, exports: 0, verifications: 0 },
    custodian: null,
    alarm: null,
    disposition: null,
    version: 1,
  };
}

function preserved(before: Evidence, at: number, { exceptions, duplicateOf, ...digests }: Preserved) {
  requireCollecting(before);
  return {
    acquisition: { ...before.acquisition, endedAt: at },
    integrity: { ...digests, verifiedAt: at, verifiedBy: before.acquisition.collector.id },
    lineage: { ...before.lineage, duplicateOf },
    exceptions: [...before.exceptions, ...exceptions],
  };
}

function requireCollecting({ acquisition }: Evidence): void {
  invariant(acquisition.endedAt === null, 'the taking of an artefact ends once');
}

function integrityOf({ integrity }: Evidence): Integrity {
  invariant(integrity !== null, 'only what is kept is verified');
  return integrity;
}

function verifiedOnceMore({ counts }: Evidence): Evidence['counts'] {
  return { ...counts, verifications: counts.verifications + 1 };
}
