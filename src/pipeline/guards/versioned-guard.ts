import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Change, ChangeResult, JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { keptRead } from '../kept-read.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import type { ChangeTerms } from './proposed-change.ts';
import type { InForceChange, Proposing } from './proposed-changes.service.ts';
import { recordable, requireVersion, shownTime, untilApplied, type Answer, type IfMatch } from '../service.ts';

export interface GuardPorts {
  readonly journal: Pick<JournalReader, 'view' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly tell?: TellRecord;
  /** Where a change that takes a safeguard away waits for a second person. Null or absent: it is in force at once. */
  readonly twoPeople?: Proposing | null;
}

/** A guard that people set as a whole; every version of it is a record. */
export interface VersionedGuard<InForce> {
  /** As it is in force; version 0 before anybody set it. */
  get(): Promise<Answer>;
  /** Replaces it. @throws FirebreakError `invalid_guard`, `stale_version`. */
  set(ctx: CallContext, input: { readonly document: unknown; readonly ifMatch: IfMatch }): Promise<Answer>;
  /** What a confirmed proposal writes. @throws FirebreakError `conflict` when it was changed meanwhile. */
  enforce(ctx: CallContext, terms: ChangeTerms, by: string): Promise<InForceChange>;
  /** What executions are bound to; the same value as long as it is not changed. */
  inForce(): Promise<InForce>;
  /** Forgets what is kept in memory. */
  forget(): void;
}

export interface GuardKind<Document extends object, InForce> {
  readonly id: string;
  /** In force before anybody has set any. */
  readonly first: Document;
  read(value: unknown): Document | { readonly faults: readonly Fault[] };
  /** As it is used; `version` is 0 for the first one. */
  inForce(document: Document, version: number): InForce;
  /** What a change takes away; none: nothing. */
  weakens(before: Document, after: Document): readonly string[];
}

interface Stored<Document> {
  readonly document: Document;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

/** What was asked for waits elsewhere. */
const NOTHING_WRITTEN: ChangeResult = { status: 'applied', hashes: [] };

export function versionedGuard<Document extends object, InForce>(
  { journal, committer, tell, twoPeople = null }: GuardPorts,
  { id, first, read, inForce, weakens }: GuardKind<Document, InForce>,
): VersionedGuard<InForce> {
  const stream = `guard/${id}`;
  let latest = { version: 0, value: inForce(first, 0) };

  async function stored(): Promise<Stored<Document>> {
    const view = await journal.view('guard', id);
    if (view === null) return { document: first, version: 0, updatedAt: null, savedBy: null };
    return view.body as unknown as Stored<Document>; // written by `set`
  }

  const kept = keptRead(journal, async () => {
    const { version, document } = await stored();
    if (version !== latest.version) latest = { version, value: inForce(document, version) };
    return latest.value;
  });

  const shown = ({ document, version, updatedAt, savedBy }: Stored<Document>): Answer => {
    const members = document as unknown as { readonly [key: string]: Json }; // plain JSON by its type
    return { data: { id, ...members, version, updatedAt: shownTime(updatedAt), savedBy }, version };
  };

  function checked(document: unknown): Document {
    const given = read(document);
    if ('faults' in given) throw new FirebreakError('invalid_guard', 'The guard is not valid', given.faults);
    return recordable(given, 'invalid_guard') as unknown as Document; // what was just read
  }

  /** The next version as it is written. `confirmedBy`: who agreed to what somebody else proposed. */
  function saving(ctx: CallContext, next: Stored<Document>, more: { readonly [key: string]: Json } = {}): Change {
    const body = next as unknown as Json; // plain JSON by its type
    const data = { by: next.savedBy, document: next.document as unknown as Json, version: next.version, ...more };
    const record = { type: 'guard.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
    const before = next.version - 1;
    return {
      appends: [{ stream, expectedSeq: before, records: [record] }],
      views: [{ kind: 'guard', id, expectedVersion: before, status: 'ENABLED', at: ctx.now, body }],
      effects: recordTells(tell, stream, next.version),
    };
  }

  return {
    get: async () => shown(await stored()),
    async enforce(ctx, { baseVersion, document, weakens: agreed }, by) {
      const before = await stored();
      const given = checked(document);
      const isSame = weakens(before.document, given).join() === agreed.join();
      if (before.version !== baseVersion || !isSame)
        throw new FirebreakError('conflict', 'The guard was changed since this was proposed: propose it anew');
      const next = { document: given, version: baseVersion + 1, updatedAt: ctx.now, savedBy: by };
      return {
        change: saving(ctx, next, { confirmedBy: ctx.principal.userId }),
        done: () => {
          kept.forget();
          tell?.(stream, recordTellName(next.version));
        },
      };
    },
    set: (ctx, { document, ifMatch }) =>
      untilApplied(async () => {
        const given = checked(document);
        const { version, document: present } = await stored();
        requireVersion(ifMatch, version);
        const lost = twoPeople === null ? [] : weakens(present, given);
        if (twoPeople !== null && lost.length > 0) {
          const asJson = given as unknown as Json; // plain JSON by its type
          const terms = { kind: 'guard', target: id, baseVersion: version, document: asJson, weakens: lost } as const;
          return { result: NOTHING_WRITTEN, answer: await twoPeople.propose(ctx, terms) };
        }
        const next = { document: given, version: version + 1, updatedAt: ctx.now, savedBy: ctx.principal.userId };
        const result = await committer.submit(saving(ctx, next));
        kept.forget();
        if (result.status === 'applied') tell?.(stream, recordTellName(next.version));
        return { result, answer: shown(next) };
      }),
    inForce: () => kept.read(),
    forget: () => kept.forget(),
  };
}
