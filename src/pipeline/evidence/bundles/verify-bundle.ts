import { createHash } from 'node:crypto';
import { z } from 'zod';
import { openTimeStamp } from '../../../timestamps/time-stamp.ts';
import { sha256Hex } from '../../../platform/hash.ts';
import { openCheckpoint, type Checkpoint } from '../../audit/checkpoint.ts';
import { parseKeys } from '../../audit/export.ts';
import { parseNote, signatureLine, verifyNote } from '../../audit/signed-note.ts';
import type { LogKey } from '../../audit/verify-checkpoints.ts';
import {
  BUNDLE_FILES,
  MAX_MANIFEST_BYTES,
  MAX_TEXT_BYTES,
  parseBundleManifest,
  parseBundleNoteText,
  type BundleClaim,
  type BundleFile,
  type BundleManifest,
} from './bundle-format.ts';
import { firstWrongRecord, leadsTo, linesOf, parseCheckpointRows } from './bundle-proofs.ts';
import type { BundleSource } from './bundle-source.ts';

/** Biggest signed note and biggest token, in bytes. */
const MAX_NOTE_BYTES = 65_536;
/** Biggest file of keys, in bytes: one for each generation of the log. */
const MAX_KEYS_BYTES = 1024 * 1024;

/**
 * `intact`: every file is there and the one that was sealed, the records stand in the log, and the key signed it.
 * `changed`, `truncated`: a file is not as it was sealed, or missing; `file` names it. `signature_invalid`: the note was
 * changed, or somebody else signed it. `key_unknown`: it is signed by no key that is trusted. `not_anchored`: it fits together, but
 * none of the checkpoints that were given from elsewhere is in it.
 */
export type BundleVerdict = 'intact' | 'changed' | 'truncated' | 'signature_invalid' | 'key_unknown' | 'not_anchored';

export interface BundleTrust {
  /** Keys of the log from elsewhere; null: those in the bundle are taken, which whoever forged it could have made. */
  readonly keys: readonly LogKey[] | null;
  /** Checkpoints that were published or kept elsewhere; empty: none is asked for. */
  readonly anchors: readonly string[];
  /** Roots of time-stamping authorities in PEM; empty: nobody says whose a stamp is. */
  readonly roots: readonly string[];
}

/** A time stamp in the bundle that is of what it is said to be of. */
export interface BundleStamp {
  readonly of: string;
  /** ms since 1970. */
  readonly genTime: number;
  readonly authority: string;
  /** Whether a root that was given vouches for the authority; `problem` says why not. */
  readonly trusted: boolean;
  readonly problem: string | null;
}

export interface BundleVerification {
  readonly verdict: BundleVerdict;
  /** The file that is not as it was sealed, or null. */
  readonly file: string | null;
  /** A sentence for people; null when intact. */
  readonly problem: string | null;
  /** What the bundle says of itself; null when that could not be read. Believe it only when it is intact. */
  readonly manifest: BundleManifest | null;
  /** The key that signed it, as `name+id`, and whether the verifier brought it along. */
  readonly key: { readonly name: string; readonly id: string; readonly from: 'given' | 'bundle' } | null;
  readonly records: number;
  readonly stamps: readonly BundleStamp[];
  /** Whether a checkpoint from elsewhere is in it; null: none was given. */
  readonly anchored: boolean | null;
}

/**
 * Verifies a bundle offline. Believes nothing in it but what a trusted key signed; never throws on what it holds, whatever that is.
 * Errors of reading pass.
 */
export async function verifyBundle(source: BundleSource, trust: BundleTrust): Promise<BundleVerification> {
  const state: State = { manifest: null, key: null, records: 0, stamps: [], anchored: null };
  try {
    const fault = await firstFault(source, trust, state);
    const { verdict, file, problem } = fault ?? { verdict: 'intact' as const, file: null, problem: null };
    return { verdict, file, problem, ...state };
  } finally {
    await source.close();
  }
}

type State = { -readonly [Member in 'manifest' | 'key' | 'records' | 'anchored']: BundleVerification[Member] } & {
  stamps: BundleStamp[];
};

interface Fault {
  readonly verdict: Exclude<BundleVerdict, 'intact'>;
  readonly file: string | null;
  readonly problem: string;
}

async function firstFault(source: BundleSource, trust: BundleTrust, state: State): Promise<Fault | null> {
  const note = await textOf(source, BUNDLE_FILES.note, null, MAX_NOTE_BYTES);
  if ('verdict' in note) return note;
  const keys = await textOf(source, BUNDLE_FILES.keys, null, MAX_KEYS_BYTES);
  if ('verdict' in keys) return keys;
  const text = await textOf(source, BUNDLE_FILES.manifest, null, MAX_MANIFEST_BYTES);
  if ('verdict' in text) return text;
  const claim = claimIn(note.text);
  if (claim === null) return invalid('The signed note of the bundle has not its form: it was changed.');
  const manifest = text.sha256 === claim.manifest ? parseBundleManifest(text.text) : null;
  const trusted = trust.keys ?? keysIn(keys.text);
  if (manifest === null) {
    // One of the two was changed: the signature tells which.
    return trusted !== null && isSigned(note.text, trusted)
      ? wrong(BUNDLE_FILES.manifest, 'The manifest is not the one that was signed.')
      : invalid('The signed note is not that of this bundle, or was changed.');
  }
  state.manifest = manifest;
  if (manifest.bundleId !== claim.bundleId)
    return invalid('The signed note is that of another bundle, or was changed.');

  const stamp = await stampOf(source, claim);
  if (stamp !== null && 'verdict' in stamp) {
    const isOwn = trusted !== null && isSigned(note.text, trusted);
    return isOwn ? stamp : invalid('The signed note names another time stamp: it was changed.');
  }
  const texts = new Map([[BUNDLE_FILES.keys as string, keys.text]]);
  for (const file of manifest.files) {
    const fault = file.name === BUNDLE_FILES.keys ? unlike(file, keys) : await readFile(source, file, texts);
    if (fault !== null) return explained(fault, texts, manifest);
  }
  const more = await source.finish(Math.floor(manifest.exportedAt / 1_000));
  if (more !== null) return more;

  const unsigned = signatureFault(note.text, manifest, texts, trust, state);
  if (unsigned !== null) return unsigned;
  const misfit = firstMisfit(manifest, texts, state);
  if (misfit !== null) return misfit;
  return (
    (await wrongStamp(stamp?.bytes ?? null, text.text, texts, trust, state)) ??
    unanchored(manifest, texts, trust, state)
  );
}

function isSigned(text: string, keys: readonly LogKey[]): boolean {
  const note = parseNote(text);
  return note !== null && verifyNote(note, keys).status === 'valid';
}

/** Which record it is, where the records no longer are those of the manifest: the file alone would help nobody. */
function explained(fault: Fault, texts: ReadonlyMap<string, string>, manifest: BundleManifest): Fault {
  const [records, proofs] = [texts.get(BUNDLE_FILES.records), texts.get(BUNDLE_FILES.proofs)];
  if (fault.file !== BUNDLE_FILES.records || records === undefined || proofs === undefined) return fault;
  const record = firstWrongRecord(records, proofs, manifest);
  return record === null ? fault : { ...fault, problem: `${fault.problem} ${record}` };
}

interface ReadText {
  readonly text: string;
  readonly bytes: Buffer;
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
}

/** A file of text, whole; no more than `limit` of it is ever held. */
async function textOf(
  source: BundleSource,
  name: string,
  size: number | null,
  limit: number,
): Promise<ReadText | Fault> {
  const found = await source.next(name, size);
  if ('fault' in found) return found.fault;
  if (found.size > limit) return wrong(name, `${name} is larger than ${limit} bytes.`);
  const blocks: Uint8Array[] = [];
  let length = 0;
  for await (const block of found.content) {
    blocks.push(Buffer.from(block));
    length += block.length;
    if (length > limit) return wrong(name, `${name} is larger than ${limit} bytes.`);
  }
  const bytes = Buffer.concat(blocks);
  if (bytes.length < found.size) return { verdict: 'truncated', file: name, problem: `The end of ${name} is missing.` };
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  return { text: bytes.toString('utf8'), bytes, size: bytes.length, sha256: sha256Hex(bytes), sha512 };
}

/** The claim of a note that is exactly one text with exactly one signature, in the one spelling that there is. */
function claimIn(text: string): BundleClaim | null {
  const note = parseNote(text);
  const [signature, ...more] = note?.signatures ?? [];
  if (note === null || signature === undefined || more.length > 0) return null;
  const { name, keyId, signature: bytes } = signature;
  return `${note.text}\n${signatureLine(name, keyId, bytes)}` === text ? parseBundleNoteText(note.text) : null;
}

async function stampOf(source: BundleSource, claim: BundleClaim): Promise<ReadText | Fault | null> {
  if (claim.stamp === null) return null;
  const stamp = await textOf(source, BUNDLE_FILES.stamp, null, MAX_NOTE_BYTES);
  if ('verdict' in stamp || stamp.sha256 === claim.stamp) return stamp;
  return wrong(BUNDLE_FILES.stamp, 'The time stamp is not the one that was signed.');
}

const HELD: ReadonlySet<string> = new Set(Object.values(BUNDLE_FILES));

/** Reads one file and compares it with the manifest; what is text is kept in `texts`. */
async function readFile(source: BundleSource, file: BundleFile, texts: Map<string, string>): Promise<Fault | null> {
  const { name, size } = file;
  const isHeld = HELD.has(name);
  if (isHeld && size > MAX_TEXT_BYTES) return wrong(name, `${name} is larger than ${MAX_TEXT_BYTES} bytes.`);
  const found = await source.next(name, size);
  if ('fault' in found) return found.fault;
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  const blocks: Buffer[] = [];
  let length = 0;
  for await (const block of found.content) {
    sha256.update(block);
    sha512.update(block);
    length += block.length;
    if (length > size) return wrong(name, `${name} is longer than when it was sealed.`);
    if (isHeld) blocks.push(Buffer.from(block));
  }
  if (isHeld) texts.set(name, Buffer.concat(blocks).toString('utf8'));
  if (length < size) return { verdict: 'truncated', file: name, problem: `The end of ${name} is missing.` };
  return unlike(file, { size: length, sha256: sha256.digest('hex'), sha512: sha512.digest('hex') });
}

function unlike(file: BundleFile, { size, sha256, sha512 }: Omit<BundleFile, 'name'>): Fault | null {
  const isSame = size === file.size && sha256 === file.sha256 && sha512 === file.sha512;
  return isSame ? null : wrong(file.name, `${file.name} is not as it was sealed.`);
}

function signatureFault(
  text: string,
  { checkpoint }: BundleManifest,
  texts: ReadonlyMap<string, string>,
  trust: BundleTrust,
  state: State,
): Fault | null {
  const note = parseNote(text);
  const keys = trust.keys ?? keysIn(texts.get(BUNDLE_FILES.keys) ?? '');
  if (note === null || keys === null) return invalid('The keys of the bundle cannot be read.');
  const verdict = verifyNote(note, keys);
  if (verdict.status === 'unknown') {
    const whose = trust.keys === null ? 'in the bundle' : 'that was given';
    return { verdict: 'key_unknown', file: BUNDLE_FILES.note, problem: `The bundle is signed by no key ${whose}.` };
  }
  if (verdict.status === 'invalid') return invalid('The signature of the bundle is wrong.');
  const [signer] = verdict.signers;
  const inUse = keys.some(
    ({ name, id, fromSize, toSize }) =>
      name === signer?.name &&
      id === signer.id &&
      checkpoint.size >= fromSize &&
      checkpoint.size <= (toSize ?? Infinity),
  );
  if (signer === undefined || !inUse) return invalid('The bundle is signed by a key that was not in use then.');
  if (signer.name !== checkpoint.origin) return invalid('The bundle is signed by the key of another log.');
  state.key = { name: signer.name, id: signer.id, from: trust.keys === null ? 'bundle' : 'given' };
  const opened = openCheckpoint(texts.get(BUNDLE_FILES.checkpoint) ?? '', keys);
  if (opened.status !== 'valid')
    return { ...invalid('The checkpoint is not signed by that key.'), file: BUNDLE_FILES.checkpoint };
  const { origin, size, root } = opened.checkpoint;
  const isSame = origin === checkpoint.origin && size === checkpoint.size && root === checkpoint.root;
  return isSame ? null : wrong(BUNDLE_FILES.checkpoint, 'The checkpoint is not the one that the manifest names.');
}

function keysIn(text: string): readonly LogKey[] | null {
  try {
    return parseKeys(text);
  } catch {
    return null;
  }
}

/** What was signed as it is and does not fit together all the same: whoever holds the key made it up. */
function firstMisfit(manifest: BundleManifest, texts: ReadonlyMap<string, string>, state: State): Fault | null {
  const records = texts.get(BUNDLE_FILES.records) ?? '';
  state.records = linesOf(records).length;
  const record = firstWrongRecord(records, texts.get(BUNDLE_FILES.proofs) ?? '', manifest);
  if (record !== null) return wrong(BUNDLE_FILES.records, record);
  const preserved = preservedIn(records);
  for (const { evidenceId, file, leftOut, size, sha256, sha512 } of manifest.artifacts) {
    const custody = preserved.get(`evidence/${evidenceId}`);
    if (custody?.sha256 !== sha256 || custody.sha512 !== sha512 || custody.size !== size) {
      return wrong(file, `The custody of ${evidenceId} is not that of this artefact.`);
    }
    const named = manifest.files.find(({ name }) => name === file);
    const isThere = named?.sha256 === sha256 && named.sha512 === sha512 && named.size === size;
    if (file === null ? leftOut === null : !isThere)
      return wrong(file, `The artefact ${evidenceId} is not in the bundle.`);
  }
  return null;
}

const PRESERVED = z.looseObject({
  stream: z.string(),
  type: z.literal('evidence.preserved'),
  data: z.looseObject({ size: z.int(), sha256: z.string(), sha512: z.string() }),
});

/** The digests of acquisition, by the stream of the artefact. Records are canonical by now. */
function preservedIn(records: string): ReadonlyMap<string, z.infer<typeof PRESERVED>['data']> {
  const found = linesOf(records).flatMap((line) => {
    if (!line.includes('"evidence.preserved"')) return [];
    const parsed = PRESERVED.safeParse(JSON.parse(line));
    return parsed.success ? [[parsed.data.stream, parsed.data.data] as const] : [];
  });
  return new Map(found);
}

/** The first time stamp that is not of what it is said to be of. One that no given root vouches for is shown as that. */
async function wrongStamp(
  ofManifest: Buffer | null,
  manifest: string,
  texts: ReadonlyMap<string, string>,
  trust: BundleTrust,
  state: State,
): Promise<Fault | null> {
  const rows = parseCheckpointRows(texts.get(BUNDLE_FILES.checkpoints) ?? '');
  if (typeof rows === 'string') return wrong(BUNDLE_FILES.checkpoints, rows);
  const stamps: { of: string; file: string; data: string; token: Buffer }[] = rows.flatMap(({ note, token }) =>
    token === null
      ? []
      : [{ of: 'a checkpoint', file: BUNDLE_FILES.checkpoints, data: note, token: Buffer.from(token, 'base64') }],
  );
  if (ofManifest !== null)
    stamps.push({ of: 'the bundle', file: BUNDLE_FILES.stamp, data: manifest, token: ofManifest });
  for (const { of, file, data, token } of stamps) {
    const bare = await openTimeStamp(token, Buffer.from(data), { roots: [], nonce: null });
    if (!bare.ok) return wrong(file, `A time stamp cannot be believed: ${bare.problem}.`);
    const { genTime, authority } = bare.stamp;
    const rooted =
      trust.roots.length === 0
        ? { ok: false as const, problem: 'no root of an authority was given' }
        : await openTimeStamp(token, Buffer.from(data), { roots: trust.roots, nonce: null });
    state.stamps.push({ of, genTime, authority, trusted: rooted.ok, problem: rooted.ok ? null : rooted.problem });
  }
  return null;
}

/** Whether the log that the bundle is of is the one whose checkpoints somebody kept elsewhere. */
function unanchored(
  manifest: BundleManifest,
  texts: ReadonlyMap<string, string>,
  trust: BundleTrust,
  state: State,
): Fault | null {
  const rows = parseCheckpointRows(texts.get(BUNDLE_FILES.checkpoints) ?? '');
  if (typeof rows === 'string') return wrong(BUNDLE_FILES.checkpoints, rows);
  const known: Omit<Checkpoint, 'extensions'>[] = [manifest.checkpoint];
  for (const row of rows) {
    const opened = openCheckpoint(row.note, []);
    if (opened.status === 'malformed' || !leadsTo(row, opened.checkpoint, manifest.checkpoint)) {
      return wrong(BUNDLE_FILES.checkpoints, 'An earlier checkpoint is not one of the log that the bundle is of.');
    }
    known.push(opened.checkpoint);
  }
  if (trust.anchors.length === 0) return null;
  const anchors = trust.anchors.flatMap((note) => {
    const opened = openCheckpoint(note, []);
    return opened.status === 'malformed' ? [] : [opened.checkpoint];
  });
  for (const anchor of anchors) {
    const same = known.find(({ origin, size }) => origin === anchor.origin && size === anchor.size);
    if (same === undefined) continue;
    if (same.root !== anchor.root) {
      const problem = `The log is not the one whose checkpoint of ${anchor.size} records was given: it was written anew.`;
      return wrong(BUNDLE_FILES.checkpoint, problem);
    }
    state.anchored = true;
  }
  if (state.anchored === true) return null;
  state.anchored = false;
  const problem = 'It fits together, but none of the checkpoints that were given is in it.';
  return { verdict: 'not_anchored', file: null, problem };
}

function wrong(file: string | null, problem: string): Fault {
  return { verdict: 'changed', file, problem };
}

function invalid(problem: string): Fault {
  return { verdict: 'signature_invalid', file: BUNDLE_FILES.note, problem };
}
