import type { Clock } from '../../platform/clock.ts';
import { FirebreakError, invariant, messageOf } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { RecordTrace } from '../audit/record.ts';
import type { ArtifactKind } from '../actions/desks.ts';
import { untilApplied } from '../service.ts';
import type { Preserved } from './custody.ts';
import {
  addressOf,
  MAX_ARTIFACT_BYTES,
  type Acquisition,
  type Described,
  type Evidence,
  type Identity,
  type Lineage,
} from './evidence.ts';
import type { EvidenceStore, KeptEvidence } from './evidence.store.ts';
import type { HoldKeeping } from './holds.ts';
import { metaFileOf } from './meta-file.ts';
import type { Vault, WrittenObject } from './vault.ts';

/** Moments between bytes and records, by name: a test stops the process there for good. */
export const PRESERVE_POINTS = [
  /** It is on record that an artefact is being taken; nothing of it has come. */
  'begun',
  /** Its bytes are on disk under their name; no record says so. */
  'written',
  /** That is on record; what lies beside the bytes is not there yet. */
  'recorded',
] as const;
export type PreservePoint = (typeof PRESERVE_POINTS)[number];

export interface PreservePorts {
  readonly store: EvidenceStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly holds: Pick<HoldKeeping, 'applyTo'>;
  /** Names this process among those that share the journal. */
  readonly holder: () => string;
  /** Whether a process has ended. */
  readonly isGone: (holder: string) => Promise<boolean>;
  /** How long artefacts of a kind are kept, in ms. */
  readonly retentionMs: (kind: ArtifactKind) => number;
  /** What follows from a record could not be done at the store, for example because it is full. The next start does it. */
  readonly onUnfinished: (thrown: unknown) => void;
  /** By how much the machine's clock is off at this moment, in ms; 0: it can be believed. */
  readonly clockJumpMs: () => number;
  /** What holds a process at a point. For tests only. */
  readonly at?: (point: PreservePoint) => Promise<void> | undefined;
}

/** What is taken, by whom, and by what right. */
export interface Taking extends Described {
  readonly belongsTo: Pick<Identity, 'incidentId' | 'executionId' | 'actionId'>;
  readonly collector: Acquisition['collector'];
  readonly authority: Acquisition['authority'];
  readonly lawfulBasis?: Acquisition['lawfulBasis'];
  readonly lineage: Pick<Lineage, 'form' | 'parentId'>;
  readonly trace?: RecordTrace;
}

export interface Taken extends KeptEvidence {
  /** What ended the taking before its time; null: it is whole. */
  readonly broken: WrittenObject['broken'];
}

/** Takes artefacts in: first the record that it begins, then the bytes, then the record of what they are. */
export interface Preserving {
  /**
   * Takes it once under its key, whoever else asks for the same meanwhile.
   * @param altered asked when the bytes have ended: what was noticed about them meanwhile
   * @throws FirebreakError `store_unavailable` when nothing of it could be kept; StoreUnavailableError.
   */
  take(
    taking: Taking,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    altered?: () => string | null,
  ): Promise<Taken>;
  /** What was kept under a key: the whole, else what there is of the newest try; null: nothing. */
  find(key: string): Promise<KeptEvidence | null>;
  /**
   * Finishes what a process that is gone, or a journal that was not there, has left: bytes without their record become an
   * artefact, a record without bytes says that nothing came.
   */
  settle(id: string): Promise<void>;
  /** What follows from the record and can be done again: the hold at the store, and the short note beside the bytes. */
  finish(id: string, evidence: Evidence): Promise<void>;
}

/** Tries under one key that are looked through; an action is not repeated nearly as often. */
const MAX_ATTEMPTS = 1_000;

export function createPreserving(ports: PreservePorts): Preserving {
  const { store, vault, clock } = ports;
  /** What this process takes at the moment, by its key. */
  const underWay = new Map<string, Promise<unknown>>();
  const ownIds = new Set<string>();
  const settling = new Map<string, Promise<void>>();

  async function take(...given: Parameters<Preserving['take']>): Promise<Taken> {
    const { key } = given[0].identity;
    for (let before = underWay.get(key); before !== undefined; before = underWay.get(key)) {
      // Whoever asked first has the bytes; if that fails, it is this one's turn.
      await before.catch(() => undefined);
    }
    const work = takeOnce(...given);
    underWay.set(key, work);
    try {
      return await work;
    } finally {
      underWay.delete(key);
    }
  }

  async function takeOnce(...[taking, content, signal, altered]: Parameters<Preserving['take']>): Promise<Taken> {
    const { key } = taking.identity;
    const begun = await begin(taking);
    if ('kept' in begun) return { ...begun.kept, broken: null };
    const { id } = begun;
    try {
      await ports.at?.('begun');
      const written = await write(id, taking, content, signal);
      await ports.at?.('written');
      const exceptions = exceptionsOf(written, altered?.() ?? null, ports.clockJumpMs());
      const { broken, ...digests } = written;
      const evidence = await record(id, { ...digests, complete: broken === null, exceptions }, taking.trace);
      await ports.at?.('recorded');
      // Who asked hears what was kept, also when there is no room for the note beside it.
      await finish(id, evidence).catch(ports.onUnfinished);
      const winner = evidence.lineage.duplicateOf === null ? null : await store.byKey(key);
      return { ...(winner ?? { id, evidence }), broken };
    } finally {
      ownIds.delete(id);
    }
  }

  /** Puts the next try on record, unless it is whole already. */
  async function begin(taking: Taking): Promise<{ readonly id: string } | { readonly kept: KeptEvidence }> {
    const { key } = taking.identity;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const kept = await store.byKey(key);
      if (kept !== null) return { kept };
      const id = derivedId('evd', key, String(attempt));
      const earlier = await store.load(id);
      if (earlier?.acquisition.endedAt === null) await settle(id);
      // A living process that takes the same keeps its try: whichever is whole first has the key.
      if (earlier === null && (await beginAs(id, taking, attempt))) return { id };
    }
    throw new FirebreakError('conflict', `This artefact was tried ${MAX_ATTEMPTS} times`);
  }

  /** False: somebody else came first. */
  async function beginAs(id: string, taking: Taking, attempt: number): Promise<boolean> {
    const { identity, belongsTo, source, collector, authority, method, lineage, exceptions, trace, lawfulBasis } =
      taking;
    const at = clock.now();
    const retainUntil = at + ports.retentionMs(identity.kind);
    const { id: vaultId, immutable, encryptionKeyId } = vault;
    const data = {
      identity: { ...identity, ...belongsTo },
      source,
      acquisition: {
        collector,
        authority,
        ...(lawfulBasis === undefined ? {} : { lawfulBasis }),
        method,
        holder: ports.holder(),
      },
      storage: { vault: vaultId, ref: id, immutable, encryptionKeyId, retainUntil },
      lineage: { ...lineage, attempt },
      exceptions,
    };
    ownIds.add(id);
    const { result } = await store.append(id, null, { type: 'evidence.begun', at, data }, trace);
    if (result.status === 'stale') ownIds.delete(id);
    return result.status === 'applied';
  }

  async function write(
    id: string,
    taking: Taking,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<WrittenObject> {
    const { storage } = await existing(id);
    try {
      const { retainUntil } = storage;
      return await vault.write(id, content, { signal, maxBytes: MAX_ARTIFACT_BYTES, retainUntil });
    } catch (thrown) {
      const why = `The store took nothing: ${messageOf(thrown)}`;
      await append(id, { type: 'evidence.failed', at: clock.now(), data: { why } }, taking.trace);
      throw new FirebreakError('store_unavailable', 'The evidence store took nothing of the artefact', [], {
        cause: thrown,
      });
    }
  }

  /** What came, on record. Whoever was first to take all of it has the key; who comes second says so. */
  async function record(id: string, came: Omit<Preserved, 'duplicateOf'>, trace?: RecordTrace): Promise<Evidence> {
    return untilApplied(async () => {
      const before = await existing(id);
      // Another process took this one for dead, and has put on record what there was.
      if (before.acquisition.endedAt !== null) return { result: APPLIED, answer: before };
      const at = timeAfter(before);
      if (came.size === 0 && !came.complete) {
        const why = came.exceptions.join(' ') || 'Nothing came.';
        return store.append(id, before, { type: 'evidence.failed', at, data: { why } }, trace);
      }
      const winner = came.complete ? await store.byKey(before.identity.key) : null;
      const data: Preserved = { ...came, duplicateOf: winner?.id ?? null };
      return store.append(id, before, { type: 'evidence.preserved', at, data }, trace);
    });
  }

  async function finish(id: string, evidence: Evidence): Promise<void> {
    const address = addressOf(evidence);
    if (address === null) return;
    await vault.retain(address, evidence.storage.retainUntil);
    await ports.holds.applyTo(id, evidence);
    const { fileName, bytes } = metaFileOf(evidence);
    await vault.attach(address, fileName, bytes);
  }

  /** One at a time for each artefact: the start looks at what is left, and so does whoever asks for the same again. */
  function settle(id: string): Promise<void> {
    const running = settling.get(id);
    if (running !== undefined) return running;
    const work = settleOnce(id).finally(() => settling.delete(id));
    settling.set(id, work);
    return work;
  }

  async function settleOnce(id: string): Promise<void> {
    const evidence = await existing(id);
    if (ownIds.has(id) || evidence.storage.vault !== vault.id) return;
    const { acquisition, disposition, storage } = evidence;
    if (acquisition.endedAt !== null) {
      if (disposition === null) await finish(id, evidence);
      return;
    }
    if (!(await isLeft(acquisition))) return;
    const found = await vault.salvage(id, { retainUntil: storage.retainUntil });
    const said = found === null ? 'and nothing of it is there.' : found.complete ? WHOLE : 'and this is what had come.';
    const exceptions = [`The process that took it ended before it was on record, ${said}`];
    await finish(id, await record(id, { ...(found ?? NOTHING), exceptions }));
  }

  /** Whether the process that took it does so no more. */
  async function isLeft({ holder }: Acquisition): Promise<boolean> {
    return holder === ports.holder() || (await ports.isGone(holder));
  }

  async function append(
    id: string,
    entry: Parameters<EvidenceStore['append']>[2],
    trace?: RecordTrace,
  ): Promise<Evidence> {
    return untilApplied(async () => store.append(id, await existing(id), entry, trace));
  }

  async function existing(id: string): Promise<Evidence> {
    const evidence = await store.load(id);
    invariant(evidence !== null, `the artefact ${id} was begun`);
    return evidence;
  }

  /** A record is never older than the one before it. */
  function timeAfter({ acquisition }: Evidence): number {
    return Math.max(clock.now(), acquisition.startedAt);
  }

  return {
    take,
    settle,
    finish,
    async find(key) {
      const whole = await store.byKey(key);
      if (whole !== null) return whole;
      let newest: KeptEvidence | null = null;
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        const id = derivedId('evd', key, String(attempt));
        const evidence = await store.load(id);
        if (evidence === null) break;
        if (evidence.integrity !== null) newest = { id, evidence };
      }
      return newest;
    },
  };
}

const WHOLE = 'but all of it had come.';
const NOTHING = { size: 0, sha256: '', sha512: '', complete: false };
/** Of what somebody else has written already. */
const APPLIED = { status: 'applied', hashes: [] } as const;

function exceptionsOf({ broken }: WrittenObject, altered: string | null, jumpMs: number): readonly string[] {
  const jumped = `The clock of this machine was ${Math.round(Math.abs(jumpMs) / 1_000)} s off while it was taken; times go by the monotonic clock.`;
  return [
    ...(broken === null ? [] : [`${broken.why}. What came until then is kept.`]),
    ...(altered === null ? [] : [altered]),
    ...(jumpMs === 0 ? [] : [jumped]),
  ];
}
