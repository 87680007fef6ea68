import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { requireAnother } from '../access/another-person.ts';
import { loadUserInForce } from '../access/access-in-force.ts';
import { identitiesOf, overlaps } from '../access/identities.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { ArtifactKind } from '../actions/desks.ts';
import { given, untilApplied, type Answer, type Listing } from '../service.ts';
import type { DigestTaker } from './digests.ts';
import type { Disposing } from './dispose.ts';
import { addressOf, type Disposition, type Evidence } from './evidence.ts';
import { evidenceIn, evidenceStream, holdIn, type EvidenceStore } from './evidence.store.ts';
import { holdStream, type HoldScope } from './hold.ts';
import type { HoldKeeping } from './holds.ts';
import { shownEvidence, shownHold, timelineOf } from './show.ts';
import { upload, type Upload, type UploadPorts } from './upload.ts';
import type { DeskPorts } from './desk.ts';
import { VaultError, type ByteRange, type ObjectAddress, type Vault } from './vault.ts';
import type { Verifying } from './verifying.ts';

/** Things under hold that a list looks through; more holds than these at one time nobody oversees. */
const MAX_HELD_SCOPES = 200;
/** Artefacts of one held incident that a list of what is held shows. */
const MAX_HELD = 1_000;

export interface EvidenceServicePorts extends Omit<UploadPorts, 'takeDigests' | 'underWay'> {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads' | 'readStream'>;
  readonly store: EvidenceStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly holds: HoldKeeping;
  readonly verifying: Verifying;
  readonly disposing: Disposing;
  readonly takeDigests: () => DigestTaker;
  readonly basisFor?: DeskPorts['basisFor'];
}

export interface EvidenceQuery {
  readonly limit: number;
  readonly skip: number;
  readonly incidentId?: string | undefined;
  readonly executionId?: string | undefined;
  readonly kind?: ArtifactKind | undefined;
  readonly status?: string | undefined;
  /** Only what a legal hold stands on. */
  readonly held?: boolean | undefined;
  /** Only what is not as it was left. */
  readonly alarmed?: boolean | undefined;
}

export interface EvidenceDownload {
  readonly evidenceId: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly content: AsyncIterable<Uint8Array>;
}

type Transfer = {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly sha256After: string | null;
};

export interface EvidenceService {
  /** The newest first. */
  list(ctx: CallContext, query: EvidenceQuery): Promise<Listing>;
  /** With its timeline: every record of its custody, oldest first. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Records the access before the first byte is read. @throws FirebreakError `conflict` when no bytes of it lie here. */
  download(
    ctx: CallContext,
    input: { readonly id: string; readonly reason: string; readonly range?: ByteRange },
  ): Promise<EvidenceDownload>;
  upload(ctx: CallContext, input: Upload, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Answer>;
  /** Reads its bytes, and records that somebody else has them now. */
  transfer(ctx: CallContext, input: Transfer): Promise<Answer>;
  /** Reads its bytes, and records what was found. The answer's `alarm` says what is wrong. */
  examine(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Notes that it left in a bundle. `into` names the bundle. @throws FirebreakError `not_found`. */
  noteExport(
    ctx: CallContext,
    input: { readonly id: string; readonly reason: string; readonly into: string },
  ): Promise<Evidence>;
  hold(ctx: CallContext, input: { readonly scope: HoldScope; readonly reason: string }): Promise<Answer>;
  holds(
    ctx: CallContext,
    query: { readonly limit: number; readonly skip: number; readonly status?: string | undefined },
  ): Promise<Listing>;
  /** @throws FirebreakError `conflict` for who set it: another person has to lift it. */
  release(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
  /** @throws FirebreakError `conflict`, `invalid_request` when the witness is nobody who could be one. */
  dispose(
    ctx: CallContext,
    input: { readonly id: string } & Pick<Disposition, 'witness' | 'how' | 'reason'>,
  ): Promise<Answer>;
}

/** Builds the service. Whoever may call which verb stands in `../access/operations.ts`. */
export function createEvidenceService(ports: EvidenceServicePorts): EvidenceService {
  const { journal, store, vault, ids, holds, verifying, disposing, takeDigests } = ports;
  const underWay = new Set<string>();

  async function existing(id: string): Promise<Evidence> {
    const evidence = await store.load(id);
    if (evidence === null) throw new FirebreakError('not_found', `There is no evidence ${id}`);
    return evidence;
  }

  async function answer(id: string, evidence: Evidence): Promise<Answer> {
    const { holds: standing } = await holds.on(id, evidence);
    return { data: shownEvidence(id, evidence, standing), version: evidence.version };
  }

  function addressHere({ storage, ...evidence }: Evidence): ObjectAddress {
    const address = addressOf({ storage, ...evidence });
    if (address === null) throw new FirebreakError('conflict', 'Nothing of it is kept that could be read');
    if (storage.vault === vault.id) return address;
    throw new FirebreakError('conflict', `It lies in the store ${storage.vault}: ask the server that has it`);
  }

  async function list(query: EvidenceQuery): Promise<{
    readonly items: readonly { readonly id: string; readonly evidence: Evidence }[];
    readonly total: number;
  }> {
    const { limit, skip, incidentId: parent, executionId: ref, kind: type, status } = query;
    const severity = query.alarmed === true ? 'HIGH' : undefined;
    const filters = given({ parent, ref, type, status, severity });
    if (query.held !== true) {
      const page = await journal.longReads.listViews({ kind: 'evidence', ...filters, limit, skip });
      return { items: page.items.map((view) => ({ id: view.id, evidence: evidenceIn(view) })), total: page.total };
    }
    const standing = { kind: 'evidence-hold', status: 'STANDING', limit: MAX_HELD_SCOPES, skip: 0 } as const;
    const found = new Map<string, Evidence>();
    for (const view of (await journal.listViews(standing)).items) {
      const { scope } = holdIn(view);
      const of = scope.type === 'incident' ? { parent: scope.id } : { id: scope.id };
      const page = await journal.longReads.listViews({ kind: 'evidence', ...filters, ...of, limit: MAX_HELD, skip: 0 });
      for (const item of page.items) {
        const evidence = evidenceIn(item);
        if (parent === undefined || evidence.identity.incidentId === parent) found.set(item.id, evidence);
      }
    }
    const all = [...found].map(([id, evidence]) => ({ id, evidence }));
    all.sort((left, right) => right.evidence.acquisition.startedAt - left.evidence.acquisition.startedAt);
    return { items: all.slice(skip, skip + limit), total: all.length };
  }

  /** What the store really holds now. */
  async function sha256Now(evidence: Evidence): Promise<string> {
    const digests = takeDigests();
    try {
      for await (const piece of await vault.read(addressHere(evidence))) await digests.add(piece);
      return (await digests.finish()).sha256;
    } finally {
      digests.drop();
    }
  }

  async function requireScope({ type, id }: HoldScope): Promise<void> {
    if (type === 'evidence') await existing(id);
    else if ((await journal.view('incident', id)) === null)
      throw new FirebreakError('not_found', `There is no incident ${id}`);
  }

  async function requireWitness({ principal }: CallContext, witness: string): Promise<void> {
    const user = await loadUserInForce(journal, witness);
    const fault = (detail: string): FirebreakError =>
      new FirebreakError('invalid_request', 'The witness cannot be one', [{ pointer: '/witness', detail }]);
    if (user === null || user.kind !== 'person' || user.disabled)
      throw fault('is nobody here: give the id of a person who saw it');
    const theirs = identitiesOf({ userId: user.id, linkedAccounts: user.linkedAccounts });
    if (overlaps(theirs, identitiesOf(principal))) throw fault('is yourself: another person has to see it');
  }

  return {
    async list(_ctx, query) {
      const { items, total } = await list(query);
      const shown = items.map(async ({ id, evidence }) => (await answer(id, evidence)).data);
      return { items: await Promise.all(shown), total };
    },
    async get(_ctx, { id }) {
      const evidence = await existing(id);
      const { incidentId } = evidence.identity;
      const streams = [evidenceStream(id), holdStream(id), ...(incidentId === null ? [] : [holdStream(incidentId)])];
      const read = await Promise.all(streams.map((stream) => journal.readStream(stream)));
      const shown = await answer(id, evidence);
      const timeline = timelineOf(read.flat().map(({ record }) => record));
      return { ...shown, data: { ...shown.data, timeline } };
    },
    async download(ctx, { id, reason, range = null }) {
      const found = await existing(id);
      const address = addressHere(found);
      const { size, sha256 } = found.integrity ?? nothing();
      // What cannot be read is not accessed; nothing of it is read before that is on record.
      const content = await said(() => vault.read(address, ...(range === null ? [] : [range])));
      await untilApplied(async () => {
        const before = await existing(id);
        addressHere(before);
        const data = { by: ctx.principal.userId, reason, range: range === null ? null : { ...range } };
        return store.append(id, before, { type: 'evidence.accessed', at: ctx.now, data }, recordedTrace(ctx));
      });
      return {
        evidenceId: id,
        name: found.identity.name,
        size: range === null ? size : range.end - range.start,
        sha256,
        content,
      };
    },
    async upload(ctx, input, content, signal) {
      const { incidentId, executionId, parentId } = input;
      if (incidentId !== null) await requireScope({ type: 'incident', id: incidentId });
      if (executionId !== null && (await journal.view('execution', executionId)) === null)
        throw new FirebreakError('not_found', `There is no execution ${executionId}`);
      if (parentId !== null) await existing(parentId);
      const right =
        input.personal && ports.basisFor !== undefined ? { lawfulBasis: await ports.basisFor(input.kind) } : {};
      const { id, evidence } = await upload({ ...ports, underWay }, ctx, { ...input, ...right }, content, signal);
      return answer(id, evidence);
    },
    async transfer(ctx, { id, from, to, reason, sha256After }) {
      const found = await existing(id);
      const sha256 = await said(() => sha256Now(found));
      if (sha256 !== found.integrity?.sha256)
        throw new FirebreakError('conflict', 'Its bytes are not those that were taken any more: verify it');
      const evidence = await untilApplied(async () => {
        const before = await existing(id);
        addressHere(before);
        const data = { by: ctx.principal.userId, from, to, reason, before: sha256, after: sha256After };
        return store.append(id, before, { type: 'evidence.transferred', at: ctx.now, data }, recordedTrace(ctx));
      });
      return answer(id, evidence);
    },
    async examine(ctx, { id }) {
      const { userId } = ctx.principal;
      return answer(id, await said(() => verifying.examine(id, userId, recordedTrace(ctx))));
    },
    async noteExport(ctx, { id, reason, into }) {
      return untilApplied(async () => {
        const before = await existing(id);
        const data = { by: ctx.principal.userId, reason, into };
        return store.append(id, before, { type: 'evidence.exported', at: ctx.now, data }, recordedTrace(ctx));
      });
    },
    async hold(ctx, { scope, reason }) {
      await requireScope(scope);
      const { userId: by, keyIssuedBy: issuedBy } = ctx.principal;
      const id = ctx.idempotencyKey === null ? ids.next('hld') : derivedId('hld', ctx.idempotencyKey);
      const hold = await holds.set({ id, scope, by, issuedBy, reason, at: ctx.now }, recordedTrace(ctx));
      return { data: shownHold(hold), version: hold.version };
    },
    async holds(_ctx, { limit, skip, status }) {
      const page = await journal.longReads.listViews({ kind: 'evidence-hold', ...given({ status }), limit, skip });
      return { items: page.items.map((view) => shownHold(holdIn(view))), total: page.total };
    },
    async release(ctx, { id, reason }) {
      const hold = await holds.find(id);
      if (hold === null) throw new FirebreakError('not_found', `There is no hold ${id}`);
      // What a person has set, another one lifts; what an action has set, whoever may.
      const { by, issuedBy } = hold;
      if (issuedBy !== null) await requireAnother(journal, [{ by, issuedBy }], ctx.principal);
      const word = { by: ctx.principal.userId, reason, at: ctx.now };
      const released = await holds.release(id, word, recordedTrace(ctx));
      return { data: shownHold(released), version: released.version };
    },
    async dispose(ctx, { id, ...word }) {
      await requireWitness(ctx, word.witness);
      return answer(id, await disposing.dispose(ctx, id, word));
    },
  };
}

/** What the store says, as callers hear it. */
async function said<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof VaultError)) throw thrown;
    if (thrown.code === 'unavailable')
      throw new FirebreakError('store_unavailable', 'The evidence store cannot be reached', [], { cause: thrown });
    throw new FirebreakError('conflict', `${thrown.message}: verify it`);
  }
}

function nothing(): never {
  throw new Error('invariant broken: what has an address has digests');
}
