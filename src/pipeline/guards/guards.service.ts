import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { keptRead } from '../kept-read.ts';
import { recordable, requireVersion, shownTime, untilApplied, type Answer, type IfMatch } from '../service.ts';
import { NOBODY_PROTECTED, readProtectedIdentities, type ProtectedIdentities } from './protected-identities.ts';

const ID = 'protected-identities';
const STREAM = `guard/${ID}`;

export interface GuardPorts {
  readonly journal: Pick<JournalReader, 'view' | 'shared'>;
  readonly committer: GroupCommitter;
}

/** Limits that people set over all playbooks and policies. */
export interface GuardService {
  /** The protected identities, with why each is one; version 0 before anybody set them. */
  getProtected(ctx: CallContext): Promise<Answer>;
  /** Replaces the list. Executions under way keep the one they began with. @throws FirebreakError `invalid_guard`. */
  setProtected(ctx: CallContext, input: { readonly document: unknown; readonly ifMatch: IfMatch }): Promise<Answer>;
  /** Their ids in canonical form, sorted; the same list as long as it is not changed. */
  protectedIdentities(): Promise<readonly string[]>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

interface Stored {
  readonly document: ProtectedIdentities;
  readonly version: number;
  readonly updatedAt: number;
  readonly savedBy: string;
}

const NEVER_SAVED = { document: NOBODY_PROTECTED, version: 0, updatedAt: null, savedBy: null };

/** Builds the service. Every version of the list is a record with the whole list. */
export function createGuardService({ journal, committer }: GuardPorts): GuardService {
  let latest: { readonly version: number; readonly ids: readonly string[] } = { version: 0, ids: [] };

  async function stored(): Promise<Stored | null> {
    const view = await journal.view('guard', ID);
    return view === null ? null : (view.body as unknown as Stored); // written by `setProtected`
  }

  async function load(): Promise<readonly string[]> {
    const { version, document } = (await stored()) ?? NEVER_SAVED;
    if (version !== latest.version) latest = { version, ids: document.identities.map(({ id }) => id) };
    return latest.ids;
  }

  const kept = keptRead(journal, load);
  return {
    getProtected: async () => shown(await stored()),
    setProtected: (ctx, { document, ifMatch }) =>
      untilApplied(async () => {
        const read = readProtectedIdentities(document);
        if ('faults' in read) throw new FirebreakError('invalid_guard', 'The list is not valid', read.faults);
        const before = await stored();
        const version = before?.version ?? 0;
        requireVersion(ifMatch, version);
        const next: Stored = {
          document: recordable(read, 'invalid_guard') as unknown as ProtectedIdentities, // what was just read
          version: version + 1,
          updatedAt: ctx.now,
          savedBy: ctx.principal.userId,
        };
        const body = next as unknown as Json; // plain JSON by its type
        const data = { by: next.savedBy, document: next.document as unknown as Json, version: next.version };
        const record = { type: 'guard.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const result = await committer.submit({
          appends: [{ stream: STREAM, expectedSeq: version, records: [record] }],
          views: [{ kind: 'guard', id: ID, expectedVersion: version, status: 'ENABLED', at: ctx.now, body }],
        });
        kept.forget();
        return { result, answer: shown(next) };
      }),
    refresh: () => kept.forget(),
    protectedIdentities: () => kept.read(),
  };
}

function shown(stored: Stored | null): Answer {
  const { document, version, updatedAt, savedBy } = stored ?? NEVER_SAVED;
  return {
    data: { id: ID, identities: document.identities, version, updatedAt: shownTime(updatedAt), savedBy },
    version,
  };
}
