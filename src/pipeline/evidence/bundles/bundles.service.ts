import { z } from 'zod';
import type { KeyObject } from 'node:crypto';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { JournalReader, StoredObject } from '../../../journal/journal.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import type { Ids } from '../../../platform/ids.ts';
import type { Machine } from '../../../platform/machine.ts';
import { stampsOfLog } from '../../../timestamps/stamping.ts';
import type { TimeStampAuthority } from '../../../timestamps/time-stamp-authority.ts';
import { loadUser } from '../../access/access.store.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import { logKeysOf, presentOrigin, readGenerations } from '../../audit/generations.ts';
import type { JournalRecord } from '../../audit/record.ts';
import { openingsOf, type Opening } from '../../persons/openings.ts';
import { executionStream } from '../../executions/change.ts';
import { withObjects } from '../../executions/exported-objects.ts';
import { incidentStream } from '../../incidents/incident-change.ts';
import { untilApplied, type Answer } from '../../service.ts';
import { evidenceIn, evidenceStream, type EvidenceStore } from '../evidence.store.ts';
import type { Evidence } from '../evidence.ts';
import type { Vault } from '../vault.ts';
import { assembleBundle, type OfferedArtifact } from './assemble-bundle.ts';
import { BUNDLE_FORMAT } from './bundle-format.ts';
import { sliceOf } from './log-slice.ts';
import { sealBundle, type SealedBundle } from './write-bundle.ts';

/** Most artefacts and executions of one incident that go into a bundle. */
const MAX_OF_INCIDENT = 10_000;
/** Time stamps of the log that go into a bundle: those of the last days. */
const MAX_STAMPS = 72;

export interface BundlePorts {
  readonly journal: Pick<
    JournalReader,
    'id' | 'accelerated' | 'view' | 'listViews' | 'longReads' | 'readStream' | 'streamHead' | 'object' | 'log'
  >;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly store: Pick<EvidenceStore, 'load' | 'append'>;
  readonly vault: Pick<Vault, 'id' | 'read'>;
  /** Whose keys open what the records of the incident say of people. */
  readonly persons: Parameters<typeof openingsOf>[1];
  readonly ids: Ids;
  readonly machine: Pick<Machine, 'sleep'>;
  /** Signs the log, and so the bundles. */
  readonly key: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly authority: TimeStampAuthority | null;
  /** Told that a bundle goes out without its time stamp. */
  readonly onUnstamped: (thrown: unknown) => void;
  /** Null: the log is in use. Otherwise why nothing can be signed now. */
  readonly unsigned: string | null;
}

export interface BundleRequest {
  readonly incidentId: string;
  /** For whom and why: kept in the custody of each artefact. */
  readonly reason: string;
  /** Evidence ids that stay out. */
  readonly without: readonly string[];
}

/** A bundle, ready to be sent. */
export interface MadeBundle {
  readonly bundleId: string;
  readonly sealed: SealedBundle;
}

export interface BundleService {
  /**
   * Puts an export on record, in the custody of each artefact and for itself: `take` then makes the bundle.
   *
   * @throws FirebreakError `not_found` without such an incident, `invalid_request` for an id in `without` that is none of its
   *   evidence, `conflict` while nothing is signed.
   */
  order(ctx: CallContext, request: BundleRequest): Promise<Answer>;
  /**
   * The bundle of an export that this person put on record within the last hour; it writes nothing. Its content is read from the
   * vault while it is sent.
   *
   * @throws FirebreakError `not_found`; `conflict` for somebody else's, an old one, and while nothing is signed; `overloaded` as long as
   *   the log has not signed its records, which takes seconds.
   */
  take(ctx: CallContext, input: { readonly id: string }): Promise<MadeBundle>;
}

/** How long an export that is on record can be fetched, in ms: a large bundle breaks off once or twice on a bad line. */
const FETCHED_WITHIN_MS = 3_600_000;
const ORDER = z.looseObject({
  incidentId: z.string(),
  by: z.string(),
  reason: z.string(),
  artifacts: z.array(z.string()),
});

/** What a bundle says of itself on record. Its own hash cannot stand in it: the record is in the bundle. */
export const BUNDLE_EXPORTED = 'evidence.bundle_exported';

export function bundleStream(bundleId: string): string {
  return `bundle/${bundleId}`;
}

interface Found {
  readonly id: string;
  readonly evidence: Evidence;
  /** Null: it goes into the bundle. */
  readonly leftOut: string | null;
}

export function createBundleService(ports: BundlePorts): BundleService {
  const { journal, committer, store, vault } = ports;

  async function evidenceOf({ incidentId, without }: BundleRequest): Promise<readonly Found[]> {
    const page = { kind: 'evidence', parent: incidentId, limit: MAX_OF_INCIDENT, skip: 0 } as const;
    const { items } = await journal.listViews(page);
    const unknown = without.find((id) => !items.some((item) => item.id === id));
    if (unknown !== undefined) {
      const fault = { pointer: '/without', detail: 'Give ids of evidence of this incident.' };
      throw new FirebreakError('invalid_request', `${unknown} is no evidence of incident ${incidentId}`, [fault]);
    }
    return items.map((item) => {
      const evidence = evidenceIn(item);
      return { id: item.id, evidence, leftOut: reasonToLeaveOut(evidence, without.includes(item.id)) };
    });
  }

  async function putOnRecord(ctx: CallContext, bundleId: string, request: BundleRequest, found: readonly Found[]) {
    const { principal, now: at } = ctx;
    const by = principal.userId;
    const { incidentId, reason } = request;
    const trace = recordedTrace(ctx);
    const included = found.filter(({ leftOut, evidence }) => leftOut === null && evidence.integrity !== null);
    for (const { id } of included) {
      await untilApplied(async () => {
        const before = await store.load(id);
        return store.append(id, before, { type: 'evidence.exported', at, data: { by, reason, into: bundleId } }, trace);
      });
    }
    const artifacts = included.map(({ id }) => id);
    const data = { bundleId, incidentId, by, reason, artifacts };
    const records = [{ type: BUNDLE_EXPORTED, v: 1, at, trace, data }];
    const result = await committer.submit({
      appends: [{ stream: bundleStream(bundleId), expectedSeq: 0, records }],
    });
    if (result.status !== 'applied')
      throw new FirebreakError('overloaded', 'The export could not be recorded; try again');
    return artifacts;
  }

  async function streamsOf(bundleId: string, incidentId: string, found: readonly Found[]): Promise<readonly string[]> {
    const page = { kind: 'execution', parent: incidentId, limit: MAX_OF_INCIDENT, skip: 0 } as const;
    const executions = (await journal.longReads.listViews(page)).items.map(({ id }) => executionStream(id));
    const evidence = found.map(({ id }) => evidenceStream(id));
    return [incidentStream(incidentId), bundleStream(bundleId), ...executions, ...evidence].toSorted();
  }

  return {
    async order(ctx, request) {
      if (ports.unsigned !== null) throw new FirebreakError('conflict', ports.unsigned);
      const { incidentId } = request;
      if ((await journal.view('incident', incidentId)) === null) {
        throw new FirebreakError('not_found', `There is no incident ${incidentId}`);
      }
      const bundleId = ports.ids.next('bun');
      const artifacts = await putOnRecord(ctx, bundleId, request, await evidenceOf(request));
      return { data: { id: bundleId, bundleId, incidentId, artifacts } };
    },
    async take(ctx, { id: bundleId }) {
      if (ports.unsigned !== null) throw new FirebreakError('conflict', ports.unsigned);
      const [ordered] = await journal.readStream(bundleStream(bundleId));
      if (ordered === undefined) throw new FirebreakError('not_found', `There is no export ${bundleId}`);
      const { at: exportedAt } = ordered.record;
      const { incidentId, by, reason, artifacts } = ORDER.parse(ordered.record.data);
      if (by !== ctx.principal.userId || ctx.now >= exportedAt + FETCHED_WITHIN_MS) {
        throw new FirebreakError(
          'conflict',
          'Only who put an export on record fetches it, within an hour; ask for another one',
        );
      }
      const found = (await evidenceOf({ incidentId, reason, without: [] })).map(({ id, evidence }): Found => ({
        id,
        evidence,
        leftOut: reasonToLeaveOut(evidence, !artifacts.includes(id)),
      }));
      const stamped = await stampsOfLog(journal, MAX_STAMPS);
      const slice = await sliceOf(ports, await streamsOf(bundleId, incidentId, found), stamped);
      const generations = await readGenerations(journal);
      const { id: journalId, accelerated } = journal;
      const { origin, size, root } = slice.checkpoint;
      const parts = assembleBundle({
        about: {
          format: BUNDLE_FORMAT,
          bundleId,
          incidentId,
          journalId,
          generation: generations.at(-1)?.generation ?? 1,
          accelerated,
          exportedAt,
          exportedBy: by,
          reason,
          checkpoint: { origin, size, root },
        },
        records: slice.records,
        rootOf: slice.rootOf,
        checkpoint: slice.note,
        earlier: slice.earlier,
        keys: logKeysOf({ journalId, accelerated }, generations, ports.key.publicKey),
        objects: await objectsOf(journal, slice.records),
        openings: await openingsIn(slice.records, ports.persons),
        artifacts: found.flatMap((each) => offered(each, vault)),
        people: await namesIn(journal, slice.records),
      });
      const signer = { name: presentOrigin({ journalId, accelerated }, generations), keys: ports.key };
      const stamp = (manifest: Buffer): Promise<Buffer | null> => stampOf(ports, manifest);
      return { bundleId, sealed: await sealBundle({ ...parts, signer, stamp }) };
    },
  };
}

/** A bundle without a time stamp is better than none: evidence is often wanted while something is down. */
async function stampOf({ authority, onUnstamped }: BundlePorts, manifest: Buffer): Promise<Buffer | null> {
  if (authority === null) return null;
  try {
    return (await authority.stamp(manifest)).token;
  } catch (thrown) {
    onUnstamped(thrown);
    return null;
  }
}

function reasonToLeaveOut({ disposition, alarm }: Evidence, isUnwanted: boolean): string | null {
  if (disposition !== null) return `it was ${disposition.how}: ${disposition.reason}`;
  if (alarm !== null) return `it is not what was preserved: ${alarm.found.join(' ')}`;
  return isUnwanted ? 'left out by whoever made the bundle' : null;
}

/** What nothing came of has no content; its custody is in the records all the same. */
function offered({ id, evidence, leftOut }: Found, vault: Pick<Vault, 'id' | 'read'>): readonly OfferedArtifact[] {
  const { integrity, storage } = evidence;
  if (integrity === null) return [];
  const { size, sha256, sha512, complete } = integrity;
  const elsewhere = storage.vault === vault.id ? null : `it lies in another store: ${storage.vault}`;
  const open = () => vault.read({ ref: storage.ref, sha256 });
  return [{ evidenceId: id, size, sha256, sha512, complete, leftOut: leftOut ?? elsewhere, open }];
}

async function objectsOf(
  journal: Pick<JournalReader, 'object'>,
  records: readonly { readonly bytes: string }[],
): Promise<readonly StoredObject[]> {
  const both = withObjects(journal, linesOf(records));
  for await (const _ of both.records) void _;
  const found: StoredObject[] = [];
  for await (const object of both.objects) found.push(object);
  return found;
}

async function openingsIn(
  records: readonly { readonly bytes: string }[],
  persons: BundlePorts['persons'],
): Promise<readonly Opening[]> {
  const openings: Opening[] = [];
  // The journal's own bytes.
  for (const { bytes } of records) openings.push(...(await openingsOf(JSON.parse(bytes) as JournalRecord, persons)));
  return openings;
}

async function* linesOf(records: readonly { readonly bytes: string }[]): AsyncGenerator<string> {
  for (const { bytes } of records) yield bytes;
}

/** Names of the accounts that the records name by id, as they are now. */
async function namesIn(
  journal: Pick<JournalReader, 'view'>,
  records: readonly { readonly bytes: string }[],
): Promise<ReadonlyMap<string, string>> {
  const ids = new Set(records.flatMap(({ bytes }) => bytes.match(/\busr_[0-9a-z]{26}\b/g) ?? []));
  const names = new Map<string, string>();
  for (const id of [...ids].toSorted()) {
    const user = await loadUser(journal, id);
    if (user !== null) names.set(id, user.item.name);
  }
  return names;
}
