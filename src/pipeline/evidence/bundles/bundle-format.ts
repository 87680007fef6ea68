import { z } from 'zod';
import { canonicalJson } from '../../../platform/canonical-json.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import { isEntryName } from './ustar.ts';

/**
 * The form of an evidence bundle: which files it has, and the two that vouch for the others. The manifest names every file with
 * its size and two digests; a signed note, by the key that signs the log, names the manifest and its time stamp.
 */
export const BUNDLE_FORMAT = 'firebreak-bundle/1';

export const BUNDLE_FILES = {
  /** Signed note over the manifest's hash and that of its time stamp. The first entry, so that all others are checked while they are read. */
  note: 'bundle.note',
  manifest: 'manifest.json',
  /** RFC 3161 token of the manifest's bytes. Absent where no authority is configured or it was away. */
  stamp: 'manifest.tsr',
  guide: 'VERIFY.md',
  report: 'report.html',
  keys: 'keys.json',
  /** The signed note that all proofs lead to. */
  checkpoint: 'checkpoint',
  /** Exact bytes of each record, one on a line, by stream (UTF-16 order), then by seq. */
  records: 'records.ndjson',
  /** `{position, proof, seq, stream}`, one line for each record, in the same order. */
  proofs: 'proofs.ndjson',
  /** `{consistency, note, token}` of earlier checkpoints, oldest first; `token` is base64 or null. */
  checkpoints: 'checkpoints.ndjson',
  /** `{body, hash}` of each immutable object that the records name: plans, and the code that decided. */
  objects: 'objects.ndjson',
  /** `{key, person, seq, stream}`: what opens the personal texts of these records, and of no others. */
  openings: 'openings.ndjson',
} as const;

/** Where the artefacts lie; each is called by its id, never by the name that it had where it was found. */
export const ARTIFACT_FOLDER = 'evidence/';

/** Biggest manifest, in bytes: that of 10,000 artefacts is some 8 MB. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** Biggest of the files that are held in memory while they are checked, in bytes: records of the longest incidents are tens of MB. */
export const MAX_TEXT_BYTES = 256 * 1024 * 1024;
/** Most files in a bundle. */
export const MAX_BUNDLE_FILES = 20_000;

const HEX64 = z.string().regex(/^[0-9a-f]{64}$/);
const HEX128 = z.string().regex(/^[0-9a-f]{128}$/);
const SIZE = z.int().min(0);
const ID = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/);
const TEXT = z.string().max(10_000);

const FILE = z.strictObject({ name: z.string().refine(isEntryName), size: SIZE, sha256: HEX64, sha512: HEX128 });

const MANIFEST = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  bundleId: ID,
  incidentId: ID,
  journalId: ID,
  generation: z.int().min(1),
  accelerated: z.boolean(),
  /** Business time, ms since 1970. */
  exportedAt: SIZE,
  exportedBy: TEXT,
  reason: TEXT,
  checkpoint: z.strictObject({ origin: TEXT, size: SIZE, root: HEX64 }),
  /** How far each stream reaches: its records are here from the first one on. */
  streams: z.array(z.strictObject({ stream: TEXT, records: z.int().min(1), hash: HEX64 })).max(MAX_BUNDLE_FILES),
  artifacts: z
    .array(
      z.strictObject({
        evidenceId: ID,
        /** Null: it is not in the bundle, and `leftOut` says why. */
        file: z.string().refine(isEntryName).nullable(),
        leftOut: TEXT.nullable(),
        size: SIZE,
        sha256: HEX64,
        sha512: HEX128,
        complete: z.boolean(),
      }),
    )
    .max(MAX_BUNDLE_FILES),
  files: z.array(FILE).max(MAX_BUNDLE_FILES),
});

/** What the bundle says of itself. */
export type BundleManifest = Readonly<z.infer<typeof MANIFEST>>;
export type BundleFile = Readonly<z.infer<typeof FILE>>;
export type BundledArtifact = BundleManifest['artifacts'][number];

export function formatBundleManifest(manifest: BundleManifest): string {
  return `${canonicalJson(manifest)}\n`;
}

/** The manifest, or null when it is not one of this format in its one spelling, or names a file twice. Never throws. */
export function parseBundleManifest(text: string): BundleManifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = MANIFEST.safeParse(value);
  if (!parsed.success || formatBundleManifest(parsed.data) !== text) return null;
  const names = new Set(parsed.data.files.map(({ name }) => name));
  return names.size === parsed.data.files.length ? parsed.data : null;
}

/** What the signed note of a bundle says. */
export interface BundleClaim {
  readonly bundleId: string;
  /** SHA-256 of `manifest.json`, hexadecimal. */
  readonly manifest: string;
  /** SHA-256 of `manifest.tsr`; null: there is none. */
  readonly stamp: string | null;
}

/**
 * The text that is signed. Its first line is no origin of a log, so that nobody can take it for a checkpoint, which is
 * signed with the same key.
 */
export function bundleNoteText({ bundleId, manifest, stamp }: BundleClaim): string {
  return `${BUNDLE_FORMAT}\n${bundleId}\nmanifest ${manifest}\ntime-stamp ${stamp ?? 'none'}\n`;
}

const NOTE_TEXT =
  /^firebreak-bundle\/1\n([A-Za-z0-9_.:-]{1,128})\nmanifest ([0-9a-f]{64})\ntime-stamp (none|[0-9a-f]{64})\n$/;

/** What a note's text claims, or null. Never throws. */
export function parseBundleNoteText(text: string): BundleClaim | null {
  const [, bundleId, manifest, stamp] = NOTE_TEXT.exec(text) ?? [];
  if (bundleId === undefined || manifest === undefined || stamp === undefined) return null;
  return { bundleId, manifest, stamp: stamp === 'none' ? null : stamp };
}

/** The file of an artefact. @throws FirebreakError `invalid_request` for an id that no file can be called by. */
export function artifactFile(evidenceId: string): string {
  const name = `${ARTIFACT_FOLDER}${evidenceId}`;
  if (isEntryName(name)) return name;
  throw new FirebreakError('invalid_request', `No file can be called by the evidence id ${JSON.stringify(evidenceId)}`);
}
