import { createHash, type KeyObject } from 'node:crypto';
import { sha256Hex } from '../../../platform/hash.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import { signNote } from '../../audit/signed-note.ts';
import {
  BUNDLE_FILES,
  bundleNoteText,
  formatBundleManifest,
  MAX_TEXT_BYTES,
  type BundleFile,
  type BundleManifest,
} from './bundle-format.ts';
import { END, entryHeader, paddingOf } from './ustar.ts';

/** Bytes of an artefact that are passed on at once. */
const CHUNK = 1024 * 1024;

/** A file that is made here and held in memory. */
export interface TextFile {
  readonly name: string;
  readonly content: Buffer;
}

/** A file whose bytes come from a vault; what they must be is known before they are read. */
export interface ArtifactFile {
  readonly file: BundleFile;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

export interface BundleParts {
  /** Without its files: they follow from the rest. */
  readonly about: Omit<BundleManifest, 'files'>;
  /** In the order of the bundle. */
  readonly texts: readonly TextFile[];
  readonly artifacts: readonly ArtifactFile[];
  /** Signs as the log's key does. */
  readonly signer: { readonly name: string; readonly keys: { publicKey: KeyObject; privateKey: KeyObject } };
  /** Has the manifest stamped with the time; null: nobody does, or could now. */
  stamp(manifest: Buffer): Promise<Buffer | null>;
}

/** A bundle that is ready to be written. */
export interface SealedBundle {
  readonly manifest: BundleManifest;
  /** SHA-256 of the manifest, hexadecimal: names exactly this bundle. */
  readonly hash: string;
  /** How many bytes `content` has. */
  readonly size: number;
  /**
   * The archive, in blocks, read once; artefacts are read from their vault meanwhile. The same parts give the same bytes.
   *
   * @throws FirebreakError `conflict` when an artefact is not what its custody says: the archive then ends before its
   *   end, which every verifier says.
   */
  content(): AsyncGenerator<Uint8Array>;
}

/** Makes the manifest, has it stamped and signs it. @throws FirebreakError `body_too_large` where a part is too large. */
export async function sealBundle({ about, texts, artifacts, signer, stamp }: BundleParts): Promise<SealedBundle> {
  for (const { name, content } of texts) {
    if (content.length <= MAX_TEXT_BYTES) continue;
    throw new FirebreakError('body_too_large', `${name} of the bundle would be larger than ${MAX_TEXT_BYTES} bytes`);
  }
  const files = [...texts.map(describe), ...artifacts.map(({ file }) => file)];
  const manifest: BundleManifest = { ...about, files };
  const bytes = Buffer.from(formatBundleManifest(manifest));
  const token = await stamp(bytes);
  const hash = sha256Hex(bytes);
  const claim = { bundleId: about.bundleId, manifest: hash, stamp: token === null ? null : sha256Hex(token) };
  const note = Buffer.from(signNote(bundleNoteText(claim), signer.name, signer.keys));
  const leading: TextFile[] = [
    { name: BUNDLE_FILES.note, content: note },
    // Before the manifest: where the two do not fit together, the signature tells which of them was changed.
    ...texts.filter(({ name }) => name === BUNDLE_FILES.keys),
    { name: BUNDLE_FILES.manifest, content: bytes },
    ...(token === null ? [] : [{ name: BUNDLE_FILES.stamp, content: token }]),
  ];
  const following = texts.filter(({ name }) => name !== BUNDLE_FILES.keys);
  const sizes = [
    ...[...leading, ...following].map(({ content }) => content.length),
    ...artifacts.map(({ file }) => file.size),
  ];
  const at = Math.floor(about.exportedAt / 1_000);
  return {
    manifest,
    hash,
    size: sizes.reduce((total, size) => total + 512 + size + paddingOf(size).length, END.length),
    async *content() {
      for (const { name, content } of [...leading, ...following]) {
        yield Buffer.concat([entryHeader(name, content.length, at), content, paddingOf(content.length)]);
      }
      for (const { file, open } of artifacts) {
        yield entryHeader(file.name, file.size, at);
        yield* checked(file, await open());
        yield paddingOf(file.size);
      }
      yield END;
    },
  };
}

function describe({ name, content }: TextFile): BundleFile {
  return {
    name,
    size: content.length,
    sha256: sha256Hex(content),
    sha512: createHash('sha512').update(content).digest('hex'),
  };
}

/** Passes an artefact on and ends before its last block goes out when it is not the one that was preserved. */
async function* checked(file: BundleFile, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  let size = 0;
  let held: Uint8Array = Buffer.alloc(0);
  for await (const block of content) {
    for (let start = 0; start < block.length; start += CHUNK) {
      if (held.length > 0) yield held;
      // A copy: whoever reads a vault may use its block again.
      held = Buffer.from(block.subarray(start, start + CHUNK));
      size += held.length;
      sha256.update(held);
      sha512.update(held);
      if (size > file.size) throw notAsPreserved(file.name);
    }
  }
  if (size !== file.size || sha256.digest('hex') !== file.sha256 || sha512.digest('hex') !== file.sha512) {
    throw notAsPreserved(file.name);
  }
  if (held.length > 0) yield held;
}

function notAsPreserved(name: string): FirebreakError {
  const message = `${name} is not what was preserved: see its alarm, or leave it out of the bundle`;
  return new FirebreakError('conflict', message);
}
