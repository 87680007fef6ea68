import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Append, ChangeResult, JournalReader, StoredView, View } from '../../journal/journal.ts';
import type { RecordTrace } from '../audit/record.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { evolveEvidence, type CustodyRecord } from './custody.ts';
import { statusOfEvidence, type Evidence } from './evidence.ts';
import { evolveHold, holdStream, type Hold, type HoldRecord, type HoldScope } from './hold.ts';

/** Holds that stand on one thing; more of them say nothing more. */
const MAX_HOLDS = 100;

export interface EvidenceStorePorts {
  readonly journal: Pick<JournalReader, 'view' | 'viewByUniqueKey' | 'listViews' | 'streamHead'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly tell?: TellRecord;
}

export interface KeptEvidence {
  readonly id: string;
  readonly evidence: Evidence;
}

/** Reads and appends the records of artefacts and of holds, each with its row. */
export interface EvidenceStore {
  load(id: string): Promise<Evidence | null>;
  /** The one that is whole and was taken under this key first; null: there is none. */
  byKey(key: string): Promise<KeptEvidence | null>;
  /**
   * Appends a record, or several that belong together. Answers what the artefact is after it, and whether it was applied; stale: somebody else wrote first, or
   * another one is the whole of the same key by now.
   * @param guards streams that must not have moved, for example those of holds.
   */
  append(
    id: string,
    before: Evidence | null,
    record: CustodyRecord | readonly CustodyRecord[],
    trace?: RecordTrace,
    guards?: readonly Append[],
  ): Promise<{ readonly result: ChangeResult; readonly answer: Evidence }>;
  loadHold(holdId: string): Promise<Hold | null>;
  appendHold(
    before: Hold | null,
    record: HoldRecord,
    trace?: RecordTrace,
  ): Promise<{ readonly result: ChangeResult; readonly answer: Hold }>;
  /** Holds that stand on a thing, and what a commit has to expect if none may have come in between. */
  holdsOn(
    scopeIds: readonly string[],
  ): Promise<{ readonly holds: readonly Hold[]; readonly guards: readonly Append[] }>;
}

export function evidenceStream(id: string): string {
  return `evidence/${id}`;
}

export function createEvidenceStore({ journal, committer, tell }: EvidenceStorePorts): EvidenceStore {
  return {
    async load(id) {
      const view = await journal.view('evidence', id);
      return view === null ? null : evidenceIn(view);
    },
    async byKey(key) {
      const view = await journal.viewByUniqueKey('evidence', key);
      return view === null ? null : { id: view.id, evidence: evidenceIn(view) };
    },
    async append(id, before, given, trace, guards = []) {
      const records: readonly CustodyRecord[] = [given].flat();
      const evidence = records.reduce<Evidence | null>(evolveEvidence, before);
      invariant(evidence !== null, 'something is appended');
      const stream = evidenceStream(id);
      const expectedSeq = before?.version ?? 0;
      const told = records.at(-1)?.type === 'evidence.alarm' ? tell : undefined;
      const result = await committer.submit({
        appends: [{ stream, expectedSeq, records: records.map((record) => draft(record, trace)) }, ...guards],
        views: [evidenceView(id, evidence)],
        effects: recordTells(told, stream, evidence.version),
      });
      if (result.status === 'applied') told?.(stream, recordTellName(evidence.version));
      return { result, answer: evidence };
    },
    async loadHold(holdId) {
      const view = await journal.view('evidence-hold', holdId);
      return view === null ? null : holdIn(view);
    },
    async appendHold(before, record, trace) {
      const scope: HoldScope = record.type === 'evidence.held' ? record.data.scope : (before ?? never()).scope;
      const stream = holdStream(scope.id);
      const expectedSeq = (await journal.streamHead(stream))?.seq ?? 0;
      const hold = evolveHold(before, record, expectedSeq + 1);
      const result = await committer.submit({
        appends: [{ stream, expectedSeq, records: [draft(record, trace)] }],
        views: [holdView(hold, before === null ? 0 : null)],
      });
      return { result, answer: hold };
    },
    async holdsOn(scopeIds) {
      const guards: Append[] = [];
      const holds: Hold[] = [];
      for (const scopeId of scopeIds) {
        const stream = holdStream(scopeId);
        // Before the rows, which are then at least as new.
        guards.push({ stream, expectedSeq: (await journal.streamHead(stream))?.seq ?? 0, records: [] });
        const standing = {
          kind: 'evidence-hold',
          parent: scopeId,
          status: 'STANDING',
          limit: MAX_HOLDS,
          skip: 0,
        } as const;
        holds.push(...(await journal.listViews(standing)).items.map(holdIn));
      }
      return { holds, guards };
    },
  };
}

/** The row of an artefact. */
export function evidenceView(id: string, evidence: Evidence): View {
  const { identity, integrity, lineage, acquisition } = evidence;
  return {
    kind: 'evidence',
    id,
    // Its stream's number is what a writer expects; the row follows it.
    expectedVersion: null,
    // What is whole holds the key, so that two processes that take the same thing know of each other.
    uniqueKey: integrity?.complete === true && lineage.duplicateOf === null ? identity.key : null,
    status: statusOfEvidence(evidence),
    type: identity.kind,
    severity: evidence.alarm === null ? null : ALARM_SEVERITY,
    parent: identity.incidentId,
    ref: identity.executionId,
    at: acquisition.startedAt,
    body: evidence as unknown as Json, // plain JSON by its type
  };
}

/** What rows of artefacts that are not as they were left are filtered by. */
export const ALARM_SEVERITY = 'HIGH';

export function holdView(hold: Hold, expectedVersion: number | null): View {
  return {
    kind: 'evidence-hold',
    id: hold.id,
    expectedVersion,
    status: hold.released === null ? 'STANDING' : 'RELEASED',
    type: hold.scope.type,
    parent: hold.scope.id,
    at: hold.at,
    body: hold as unknown as Json, // plain JSON by its type
  };
}

export function evidenceIn({ body }: StoredView): Evidence {
  return body as unknown as Evidence; // written by `evidenceView`
}

export function holdIn({ body }: StoredView): Hold {
  return body as unknown as Hold; // written by `holdView`
}

function draft({ type, at, data }: CustodyRecord | HoldRecord, trace: RecordTrace | undefined) {
  const json = data as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  return { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: json };
}

function never(): never {
  throw new Error('invariant broken: a hold that is released was set');
}
