import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { keptRead } from '../kept-read.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { recordable, requireVersion, shownTime, untilApplied, type Answer, type IfMatch } from '../service.ts';

export interface GuardPorts {
  readonly journal: Pick<JournalReader, 'view' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly tell?: TellRecord;
}

/** A guard that people set as a whole; every version of it is a record. */
export interface VersionedGuard<InForce> {
  /** As it is in force; version 0 before anybody set it. */
  get(): Promise<Answer>;
  /** Replaces it. @throws FirebreakError `invalid_guard`, `stale_version`. */
  set(ctx: CallContext, input: { readonly document: unknown; readonly ifMatch: IfMatch }): Promise<Answer>;
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
  inForce(document: Document): InForce;
}

interface Stored<Document> {
  readonly document: Document;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

export function versionedGuard<Document extends object, InForce>(
  { journal, committer, tell }: GuardPorts,
  { id, first, read, inForce }: GuardKind<Document, InForce>,
): VersionedGuard<InForce> {
  const stream = `guard/${id}`;
  let latest = { version: 0, value: inForce(first) };

  async function stored(): Promise<Stored<Document>> {
    const view = await journal.view('guard', id);
    if (view === null) return { document: first, version: 0, updatedAt: null, savedBy: null };
    return view.body as unknown as Stored<Document>; // written by `set`
  }

  const kept = keptRead(journal, async () => {
    const { version, document } = await stored();
    if (version !== latest.version) latest = { version, value: inForce(document) };
    return latest.value;
  });

  const shown = ({ document, version, updatedAt, savedBy }: Stored<Document>): Answer => {
    const members = document as unknown as { readonly [key: string]: Json }; // plain JSON by its type
    return { data: { id, ...members, version, updatedAt: shownTime(updatedAt), savedBy }, version };
  };

  return {
    get: async () => shown(await stored()),
    set: (ctx, { document, ifMatch }) =>
      untilApplied(async () => {
        const given = read(document);
        if ('faults' in given) throw new FirebreakError('invalid_guard', 'The guard is not valid', given.faults);
        const { version } = await stored();
        requireVersion(ifMatch, version);
        const next: Stored<Document> = {
          document: recordable(given, 'invalid_guard') as unknown as Document, // what was just read
          version: version + 1,
          updatedAt: ctx.now,
          savedBy: ctx.principal.userId,
        };
        const body = next as unknown as Json; // plain JSON by its type
        const data = { by: next.savedBy, document: next.document as unknown as Json, version: next.version };
        const record = { type: 'guard.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const result = await committer.submit({
          appends: [{ stream, expectedSeq: version, records: [record] }],
          views: [{ kind: 'guard', id, expectedVersion: version, status: 'ENABLED', at: ctx.now, body }],
          effects: recordTells(tell, stream, next.version),
        });
        kept.forget();
        if (result.status === 'applied') tell?.(stream, recordTellName(next.version));
        return { result, answer: shown(next) };
      }),
    inForce: () => kept.read(),
    forget: () => kept.forget(),
  };
}
