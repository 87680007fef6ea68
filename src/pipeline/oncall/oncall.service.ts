import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { enabledPeople } from '../access/access-in-force.ts';
import { ACCESS_STREAM } from '../access/access.store.ts';
import { canonicalAccount } from '../access/identities.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { mayVote } from '../access/voters.ts';
import { keptRead } from '../kept-read.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
} from '../service.ts';
import { NO_SCHEDULES, turnOn, type OnCallBook } from './book.ts';
import { readSchedule, SCHEDULE_ID, type Schedule } from './schedule.ts';

/** Schedules of one installation: each is read before a request is made. */
export const MAX_SCHEDULES = 200;

export interface OnCallPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'shared' | 'streamHead'>;
  readonly committer: GroupCommitter;
}

export interface OnCallService {
  list(ctx: CallContext, query: { readonly limit: number; readonly skip: number }): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Makes it, or replaces the whole of it by a new version. @throws FirebreakError `invalid_schedule`, `stale_version`, `conflict`. */
  set(
    ctx: CallContext,
    input: { readonly id: string; readonly definition: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /** Who is on call at a time; null: now. */
  who(ctx: CallContext, input: { readonly id: string; readonly at: number | null }): Promise<Answer>;
  /** The schedules in force; the same object as long as neither they nor the people have changed. */
  book(): Promise<OnCallBook>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

interface Stored {
  readonly document: Schedule;
  readonly version: number;
  readonly updatedAt: number;
  readonly savedBy: string;
}

/** Builds the service. Every version of a schedule is a record with the whole of it. */
export function createOnCallService({ journal, committer }: OnCallPorts): OnCallService {
  let latest: { readonly key: string; readonly book: OnCallBook } = { key: '', book: NO_SCHEDULES };

  async function existing(id: string): Promise<Stored> {
    const view = await journal.view('oncall', id);
    if (view === null) throw new FirebreakError('not_found', `There is no on-call schedule ${id}`);
    return storedOf(view);
  }

  async function able(): Promise<ReadonlySet<string>> {
    const people = await enabledPeople(journal);
    return new Set(people.filter(mayVote).map(({ id }) => canonicalAccount(id)));
  }

  const kept = keptRead(journal, async () => {
    const { items } = await journal.listViews({ kind: 'oncall', limit: MAX_SCHEDULES, skip: 0 });
    return items.map((view) => ({ id: view.id, ...storedOf(view) }));
  });

  async function book(): Promise<OnCallBook> {
    const stored = await kept.read();
    if (stored.length === 0) return NO_SCHEDULES;
    // Read before the people, who are then at least as new.
    const head = (await journal.streamHead(ACCESS_STREAM))?.hash ?? '';
    const key = [head, ...stored.map(({ id, version }) => `${id}@${version}`)].join('\n');
    if (latest.key !== key) {
      const schedules = new Map(stored.map(({ id, document }) => [id, document]));
      latest = { key, book: { schedules, able: await able() } };
    }
    return latest.book;
  }

  /** Who stands in it and could not answer now: nobody would be on call in their turns. */
  async function warningsOf({ layers, overrides }: Schedule): Promise<readonly string[]> {
    const known = await able();
    const named = [
      ...layers.flatMap(({ people }, layer) =>
        people.map((id, place) => ({ id, pointer: `/layers/${layer}/people/${place}` })),
      ),
      ...overrides.map(({ userId }, place) => ({ id: userId, pointer: `/overrides/${place}/userId` })),
    ];
    return named
      .filter(({ id }) => !known.has(id))
      .map(({ id, pointer }) => `${pointer}: ${id} is nobody who could answer now, so the next layer stands in.`);
  }

  return {
    async list(_ctx, { limit, skip }) {
      const { items, total } = await journal.listViews({ kind: 'oncall', limit, skip });
      return { items: items.map((view) => shown(view.id, storedOf(view))), total };
    },
    async get(_ctx, { id }) {
      const stored = await existing(id);
      return { data: shown(id, stored), version: stored.version };
    },
    async set(ctx, { id, definition, ifMatch }) {
      const faults = SCHEDULE_ID.safeParse(id).error?.issues.map(({ message }) => ({
        pointer: '/id',
        detail: message,
      }));
      if (faults !== undefined) throw new FirebreakError('invalid_schedule', 'The schedule is not valid', faults);
      const read = readSchedule(definition);
      if ('faults' in read) throw new FirebreakError('invalid_schedule', 'The schedule is not valid', read.faults);
      const document = recordable(read.value, 'invalid_schedule');
      const answer = await untilApplied(async () => {
        const view = await journal.view('oncall', id);
        const before = view === null ? 0 : storedOf(view).version;
        requireVersion(ifMatch, before);
        if (view === null) await requireRoom();
        const version = before + 1;
        const { userId: by } = ctx.principal;
        const stored: Stored = { document: read.value, version, updatedAt: ctx.now, savedBy: by };
        const data = { by, document, version };
        const record = { type: 'oncall.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const body = { document, version, updatedAt: ctx.now, savedBy: by };
        const status = read.value.enabled ? 'ENABLED' : 'DISABLED';
        const result = await committer.submit({
          appends: [{ stream: `oncall/${id}`, expectedSeq: before, records: [record] }],
          views: [{ kind: 'oncall', id, expectedVersion: view?.version ?? 0, status, at: ctx.now, body }],
        });
        kept.forget();
        return { result, answer: { data: shown(id, stored), version } };
      });
      return { ...answer, warnings: await warningsOf(read.value) };
    },
    async who({ now }, { id, at }) {
      const { document } = await existing(id);
      const moment = at ?? now;
      const turn = turnOn(await book(), id, moment);
      const by = turn === null ? null : `${turn.by} ${turn.index + 1}`;
      const name = turn?.by === 'layer' ? (document.layers[turn.index]?.name ?? null) : null;
      return { data: { id, at: shownTime(moment), onCall: turn === null ? [] : [turn.userId], by, name } };
    },
    book,
    refresh: () => kept.forget(),
  };

  async function requireRoom(): Promise<void> {
    const { total } = await journal.listViews({ kind: 'oncall', limit: 1, skip: 0 });
    if (total >= MAX_SCHEDULES)
      throw new FirebreakError('conflict', `There are ${MAX_SCHEDULES} schedules already: change one of them`);
  }
}

function shown(id: string, { document, version, updatedAt, savedBy }: Stored): Answer['data'] {
  const members = document as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  return { id, ...members, version, updatedAt: shownTime(updatedAt), savedBy };
}

function storedOf(view: StoredView): Stored {
  // Only this file writes these bodies.
  return view.body as unknown as Stored;
}
