import { FirebreakError, messageOf } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { ArtifactKind } from '../actions/desks.ts';
import { untilApplied } from '../service.ts';
import type { Begun, Preserved } from './custody.ts';
import type { DigestTaker } from './digests.ts';
import { describe, MAX_ARTIFACT_BYTES, type Acquisition, type Evidence, type Source } from './evidence.ts';
import type { EvidenceStore, KeptEvidence } from './evidence.store.ts';
import { VaultError, type ContentDigests, type Vault } from './vault.ts';

/** What a person says of an artefact that they hand in. */
export interface Upload {
  readonly kind: ArtifactKind;
  readonly name: string;
  readonly incidentId: string | null;
  readonly executionId: string | null;
  readonly source: Source;
  readonly method: string;
  readonly personal: boolean;
  readonly form: 'original' | 'working-copy';
  readonly parentId: string | null;
  /** By what right, where it may hold personal data. */
  readonly lawfulBasis?: Acquisition['lawfulBasis'];
  /** As the sender has it; null: they do not say. */
  readonly sha256: string | null;
}

export interface UploadPorts {
  readonly store: EvidenceStore;
  readonly vault: Vault;
  readonly ids: Ids;
  readonly holder: () => string;
  readonly retentionMs: (kind: ArtifactKind) => number;
  readonly takeDigests: () => DigestTaker;
  readonly version: string;
  /** Names of what is being handed in to this process: whoever comes again meanwhile must not take it for what a crash has left. */
  readonly underWay: Set<string>;
  /** What follows from the record, at the store. */
  finish(id: string, evidence: Evidence): Promise<void>;
}

/**
 * Takes in what a person hands in. Other than what actions take, it is on record only when it is there as a whole: who hands it in still
 * has it, hears that it failed, and sends it again.
 *
 * @throws FirebreakError `invalid_request` when not all of it came, or it is not what the sender says it is; `idempotency_mismatch`.
 */
export async function upload(
  { store, vault, finish, ...ports }: UploadPorts,
  ctx: CallContext,
  given: Upload,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<KeptEvidence> {
  const key = ctx.idempotencyKey === null ? ports.ids.next('upl') : derivedId('upl', ctx.idempotencyKey);
  const id = derivedId('evd', key, '1');
  const before = await store.load(id);
  if (before !== null) {
    requireSame(before.integrity, await measured(content, ports.takeDigests()));
    return { id, evidence: before };
  }
  if (ports.underWay.has(id)) throw atWork();
  ports.underWay.add(id);
  try {
    return await takeIn({ store, vault, finish, ...ports }, ctx, given, { key, id, content, signal });
  } finally {
    ports.underWay.delete(id);
  }
}

interface Coming {
  readonly key: string;
  readonly id: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

async function takeIn(
  { store, vault, finish, ...ports }: UploadPorts,
  ctx: CallContext,
  given: Upload,
  { key, id, content, signal }: Coming,
): Promise<KeptEvidence> {
  const retainUntil = ctx.now + ports.retentionMs(given.kind);
  // Bytes without a record have no term: what turns out to be useless may go at once. `finish` sets it.
  const came = await contentOf(vault, id, content, { signal, retainUntil: ctx.now }, ports.takeDigests);
  const { sha256, ...described } = given;
  if (sha256 !== null && sha256 !== came.sha256) {
    await vault.destroy({ ref: id, sha256: came.sha256 }, ctx.now).catch(() => undefined);
    throw new FirebreakError('invalid_request', 'The bytes that came are not those of the SHA-256 that was given');
  }
  const begun = begunOf(ports, vault, ctx, described, { key, id, retainUntil });
  const preserved: Preserved = { ...came, complete: true, exceptions: [], duplicateOf: null };
  const evidence = await untilApplied(async () => {
    const present = await store.load(id);
    // A repeat of this request was faster.
    if (present !== null) return { result: { status: 'applied', hashes: [] }, answer: present };
    const records = [
      { type: 'evidence.begun', at: ctx.now, data: begun },
      { type: 'evidence.preserved', at: ctx.now, data: preserved },
    ] as const;
    return store.append(id, null, records, recordedTrace(ctx));
  });
  await finish(id, evidence);
  return { id, evidence };
}

function begunOf(
  { holder, version }: Pick<UploadPorts, 'holder' | 'version'>,
  vault: Vault,
  { principal }: CallContext,
  given: Omit<Upload, 'sha256'>,
  { key, id, retainUntil }: { readonly key: string; readonly id: string; readonly retainUntil: number },
): Begun {
  const { identity, source, method, exceptions } = describe({ ...given, key });
  const { incidentId, executionId, form, parentId } = given;
  const { userId } = principal;
  return {
    identity: { ...identity, incidentId, executionId, actionId: null },
    source,
    acquisition: {
      collector: { type: principal.kind, id: userId, version },
      authority: { type: 'person', id: userId },
      ...(given.lawfulBasis === undefined ? {} : { lawfulBasis: given.lawfulBasis }),
      method,
      holder: holder(),
    },
    storage: {
      vault: vault.id,
      ref: id,
      immutable: vault.immutable,
      encryptionKeyId: vault.encryptionKeyId,
      retainUntil,
    },
    lineage: { form, parentId, attempt: 1 },
    exceptions,
  };
}

/** Writes it, or finds that an earlier try of the same request has. */
async function contentOf(
  vault: Vault,
  id: string,
  content: AsyncIterable<Uint8Array>,
  { signal, retainUntil }: { readonly signal: AbortSignal; readonly retainUntil: number },
  takeDigests: () => DigestTaker,
): Promise<ContentDigests> {
  try {
    const written = await vault.write(id, content, { signal, maxBytes: MAX_ARTIFACT_BYTES, retainUntil });
    const { broken, ...digests } = written;
    if (broken === null) return digests;
    await vault.destroy({ ref: id, sha256: digests.sha256 }, retainUntil).catch(() => undefined);
    if (broken.by === 'limit') throw new FirebreakError('body_too_large', `${broken.why}; send it in parts`);
    if (broken.by === 'store') throw new FirebreakError('store_unavailable', 'The evidence store is full or failing');
    throw new FirebreakError('invalid_request', 'Not all of it came: send it again');
  } catch (thrown) {
    if (thrown instanceof VaultError && thrown.code === 'taken')
      return earlier(vault, id, content, takeDigests(), retainUntil);
    if (thrown instanceof VaultError)
      throw new FirebreakError('store_unavailable', `The evidence store took nothing: ${messageOf(thrown)}`);
    throw thrown;
  }
}

async function earlier(
  vault: Vault,
  id: string,
  content: AsyncIterable<Uint8Array>,
  digests: DigestTaker,
  retainUntil: number,
): Promise<ContentDigests> {
  const there = await vault.salvage(id, { retainUntil });
  if (there === null || !there.complete) throw atWork();
  const { complete: _whole, ...was } = there;
  requireSame(was, await measured(content, digests));
  return was;
}

function atWork(): FirebreakError {
  const message = 'An earlier try of this request is at work or was cut off: use another Idempotency-Key';
  return new FirebreakError('conflict', message);
}

async function measured(content: AsyncIterable<Uint8Array>, digests: DigestTaker): Promise<ContentDigests> {
  try {
    for await (const piece of content) await digests.add(piece);
    return await digests.finish();
  } finally {
    digests.drop();
  }
}

function requireSame(was: ContentDigests | null, is: ContentDigests): void {
  if (was?.sha256 === is.sha256) return;
  throw new FirebreakError('idempotency_mismatch', 'Another artefact was handed in with this Idempotency-Key');
}
