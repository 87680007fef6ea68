import { clip } from './bounded-text.ts';
import type { ObjectAddress } from './vault.ts';
import type { PinnedBasis } from '../lawful-basis/basis.ts';
import type { Artifact, ArtifactKind } from '../actions/desks.ts';

/**
 * What is known of one artefact, folded from its records (`custody.ts`). The groups are those of the standards for digital
 * evidence (ISO/IEC 27037, NIST SP 800-86): identity, source, acquisition, integrity, storage, transfers, access, lineage,
 * exceptions, disposition. Times are ms since 1970.
 */
export interface Evidence {
  readonly identity: Identity;
  readonly source: Source;
  readonly acquisition: Acquisition;
  /** Null as long as nothing of it is kept. */
  readonly integrity: Integrity | null;
  readonly storage: Storage;
  readonly lineage: Lineage;
  /** What could not be avoided or was noticed, each as a sentence. */
  readonly exceptions: readonly string[];
  /** How often; who, when and why stands in the records. */
  readonly counts: {
    readonly accesses: number;
    readonly transfers: number;
    readonly exports: number;
    readonly verifications: number;
  };
  /** Who has it, as the last transfer says; null: nobody but this store ever had it. */
  readonly custodian: string | null;
  /** What the last verification found to be wrong; null: nothing. */
  readonly alarm: { readonly at: number; readonly found: readonly string[] } | null;
  readonly disposition: Disposition | null;
  /** How many records it has. */
  readonly version: number;
}

export interface Identity {
  /** Under which it was asked for; the same for every repeat. */
  readonly key: string;
  readonly kind: ArtifactKind;
  readonly name: string;
  /** The case. Null: it belongs to none. */
  readonly incidentId: string | null;
  readonly executionId: string | null;
  readonly actionId: string | null;
  /** Whether it may hold personal data. */
  readonly personal: boolean;
}

export interface Source {
  readonly system: string;
  readonly host: string;
  readonly location: string;
  /** By the source's own clock; null: unknown. */
  readonly modifiedAt: number | null;
  /** The source's zone as it calls it itself, for example `Europe/Berlin`; null: unknown. */
  readonly timeZone: string | null;
  /** How far the source's clock is ahead of ours, in ms; null: unknown. */
  readonly clockOffsetMs: number | null;
}

export interface Acquisition {
  readonly startedAt: number;
  /** Null while it goes on. */
  readonly endedAt: number | null;
  readonly collector: { readonly type: 'person' | 'service'; readonly id: string; readonly version: string };
  /** What allowed it: an approval, the plan of an execution, or the person who handed it in. */
  readonly authority: { readonly type: 'approval' | 'plan' | 'person' | 'none'; readonly id: string };
  /** By what right, where it may hold personal data; null: none was on record. Absent: it holds none, or is older than such records. */
  readonly lawfulBasis?: PinnedBasis | null;
  /** Tool and exact command or request. */
  readonly method: string;
  /** The process that takes it. */
  readonly holder: string;
}

export interface Integrity {
  /** Of the clear content, in bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
  /** False: it is not the whole; `exceptions` says why. */
  readonly complete: boolean;
  /** When both digests were last found to be those of acquisition; at first, acquisition itself. */
  readonly verifiedAt: number;
  readonly verifiedBy: string;
}

export interface Storage {
  /** The store's name, and under what the object lies in it; its SHA-256 is the other half of the address. */
  readonly vault: string;
  readonly ref: string;
  readonly immutable: 'enforced' | 'by-operator';
  readonly encryptionKeyId: string | null;
  readonly retainUntil: number;
}

export interface Lineage {
  readonly form: 'original' | 'working-copy';
  /** What it was made of; null: nothing that is kept here. */
  readonly parentId: string | null;
  /** 1 for the first try to take it under this key. */
  readonly attempt: number;
  /** The same, taken under the same key by another process meanwhile; null: this is the one. */
  readonly duplicateOf: string | null;
}

export interface Disposition {
  readonly at: number;
  readonly by: string;
  readonly witness: string;
  readonly how: 'destroyed' | 'returned';
  readonly reason: string;
  /** When the bytes were gone from the store; null: that is owed. */
  readonly goneAt: number | null;
}

export const EVIDENCE_STATUSES = ['COLLECTING', 'PRESERVED', 'PARTIAL', 'FAILED', 'DISPOSING', 'DISPOSED'] as const;
/** `COLLECTING` bytes are coming; `FAILED` nothing came; `DISPOSING` its bytes have to go and are not gone yet. */
export type EvidenceStatus = (typeof EVIDENCE_STATUSES)[number];

export function statusOfEvidence({ acquisition, integrity, disposition }: Evidence): EvidenceStatus {
  if (disposition !== null) return disposition.goneAt === null ? 'DISPOSING' : 'DISPOSED';
  if (integrity !== null) return integrity.complete ? 'PRESERVED' : 'PARTIAL';
  return acquisition.endedAt === null ? 'COLLECTING' : 'FAILED';
}

/** Where its bytes lie; null: it has none. */
export function addressOf({ storage, integrity, disposition }: Evidence): ObjectAddress | null {
  if (integrity === null || disposition !== null) return null;
  return { ref: storage.ref, sha256: integrity.sha256 };
}

/** Largest artefact, in bytes: 100 GB, more than the memory of most hosts and the disk of many. */
export const MAX_ARTIFACT_BYTES = 100 * 1024 ** 3;
/** Longest base name that file systems know, in UTF-16 units. */
export const MAX_NAME_LENGTH = 255;
/** Longest host or account: a name of the DNS. */
export const MAX_HOST_LENGTH = 255;
/** Longest word for a kind of system or a zone. */
export const MAX_WORD_LENGTH = 64;
/** Longest path or URI (PATH_MAX of Linux), and longest command. */
export const MAX_LOCATION_LENGTH = 4_096;

/** What a collector says, cut to what a record may hold: an artefact is kept also when its name is hostile. */
export interface Described {
  readonly identity: Pick<Identity, 'key' | 'kind' | 'name' | 'personal'>;
  readonly source: Source;
  readonly method: string;
  /** What had to be cut, as exceptions. */
  readonly exceptions: readonly string[];
}

type Description = Pick<Artifact, 'key' | 'kind' | 'name' | 'personal' | 'method'> & {
  readonly source: Artifact['source'] & { readonly timeZone?: string | null };
};

export function describe({ key, kind, name, personal, method, source }: Description): Described {
  const exceptions: string[] = [];
  const cut = (what: string, text: string, most: number): string => {
    const clipped = clip(text, most);
    if (clipped !== text) exceptions.push(`Its ${what} was too long or no text, and is kept cut.`);
    return clipped;
  };
  const { modifiedAt, clockOffsetMs, timeZone = null } = source;
  return {
    identity: { key, kind, name: cut('name', name, MAX_NAME_LENGTH), personal },
    source: {
      system: cut('system', source.system, MAX_WORD_LENGTH),
      host: cut('host', source.host, MAX_HOST_LENGTH),
      location: cut('location', source.location, MAX_LOCATION_LENGTH),
      modifiedAt: wholeMs(modifiedAt),
      timeZone: timeZone === null ? null : cut('time zone', timeZone, MAX_WORD_LENGTH),
      clockOffsetMs: wholeMs(clockOffsetMs),
    },
    method: cut('method', method, MAX_LOCATION_LENGTH),
    exceptions,
  };
}

/** Records hold whole numbers; what is none is not known. */
function wholeMs(value: number | null): number | null {
  const whole = value === null ? Number.NaN : Math.round(value);
  return Number.isSafeInteger(whole) ? whole : null;
}
