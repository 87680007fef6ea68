import type { StoredObject } from '../../../journal/journal.ts';
import { formatKeys, formatObject } from '../../audit/export.ts';
import type { JournalRecord } from '../../audit/record.ts';
import { formatOpening, opener, type Opening } from '../../persons/openings.ts';
import type { RootOf } from '../../audit/merkle.ts';
import type { LogKey } from '../../audit/verify-checkpoints.ts';
import { artifactFile, BUNDLE_FILES, type BundledArtifact, type BundleManifest } from './bundle-format.ts';
import {
  formatEarlierCheckpoints,
  formatRecordProofs,
  type EarlierCheckpoint,
  type PlacedRecord,
} from './bundle-proofs.ts';
import { bundleGuide } from './bundle-guide.ts';
import { bundleReport } from './report.ts';
import type { ReportRecord } from './report-rows.ts';
import type { ArtifactFile, BundleParts } from './write-bundle.ts';
import { sha256Hex } from '../../../platform/hash.ts';

/** An artefact that may go into a bundle, with the digests that its custody holds. */
export interface OfferedArtifact extends Omit<BundledArtifact, 'file'> {
  open(): Promise<AsyncIterable<Uint8Array>>;
}

export interface Assembly {
  readonly about: Omit<BundleManifest, 'files' | 'streams' | 'artifacts'>;
  /** Whole streams, by stream (UTF-16 order), then by seq; each lies in the log before the checkpoint's size. */
  readonly records: readonly PlacedRecord[];
  readonly rootOf: RootOf;
  /** The signed note that the proofs lead to. */
  readonly checkpoint: string;
  /** Oldest first, none of them empty or larger. */
  readonly earlier: readonly EarlierCheckpoint[];
  readonly keys: readonly LogKey[];
  readonly objects: readonly StoredObject[];
  /** What opens the personal texts of the records, in their order. */
  readonly openings: readonly Opening[];
  readonly artifacts: readonly OfferedArtifact[];
  readonly people: ReadonlyMap<string, string>;
}

/** All files of a bundle but those that seal it. Pure: the same input gives the same bytes. */
export function assembleBundle(given: Assembly): Pick<BundleParts, 'about' | 'texts' | 'artifacts'> {
  const { records, rootOf, artifacts } = given;
  const { size } = given.about.checkpoint;
  const about: BundleParts['about'] = {
    ...given.about,
    streams: endsOf(records),
    artifacts: artifacts.map(({ evidenceId, leftOut, size: length, sha256, sha512, complete }) => ({
      evidenceId,
      file: leftOut === null ? artifactFile(evidenceId) : null,
      leftOut,
      size: length,
      sha256,
      sha512,
      complete,
    })),
  };
  // The journal's own bytes.
  const parsed = records.map(({ bytes }) => JSON.parse(bytes) as JournalRecord);
  const opened = opener(given.openings);
  const readable = parsed.map((record): ReportRecord => opened(record));
  const text = (name: string, content: string) => ({ name, content: Buffer.from(content) });
  return {
    about,
    texts: [
      text(BUNDLE_FILES.guide, bundleGuide(about)),
      text(BUNDLE_FILES.report, bundleReport({ about, records: readable, people: given.people })),
      text(BUNDLE_FILES.keys, formatKeys(given.keys)),
      text(BUNDLE_FILES.checkpoint, given.checkpoint),
      text(BUNDLE_FILES.checkpoints, formatEarlierCheckpoints(given.earlier, size, rootOf)),
      // Before the records: where those were changed, it can be said which of them.
      text(BUNDLE_FILES.proofs, formatRecordProofs(records, size, rootOf)),
      text(BUNDLE_FILES.records, records.map(({ bytes }) => `${bytes}\n`).join('')),
      text(BUNDLE_FILES.objects, given.objects.map(formatObject).join('')),
      text(BUNDLE_FILES.openings, given.openings.map(formatOpening).join('')),
    ],
    artifacts: artifacts.flatMap(fileOf),
  };
}

function fileOf({ evidenceId, leftOut, size, sha256, sha512, open }: OfferedArtifact): readonly ArtifactFile[] {
  return leftOut === null ? [{ file: { name: artifactFile(evidenceId), size, sha256, sha512 }, open }] : [];
}

function endsOf(records: readonly PlacedRecord[]): BundleManifest['streams'] {
  const ends = new Map(
    records.map(({ stream, seq, bytes }) => [stream, { stream, records: seq, hash: sha256Hex(bytes) }]),
  );
  return [...ends.values()];
}
