import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
  type Resource,
} from '../service.ts';
import { breachChange, readBreach, type BreachEntry, type StoredBreach } from './breach.ts';
import { clockStages, clockStatus, type Clock } from './clock.ts';
import { csvRow } from './csv.ts';
import { requireIncident } from './deadline-rules.service.ts';

/** Entries of one export: a register of more is asked for in pages. */
const MAX_EXPORTED = 10_000;
/** Clocks of one incident: as many as there are rules, with some to spare. */
const MAX_CLOCKS = 100;

export interface BreachRegisterPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads'>;
  readonly committer: GroupCommitter;
}

export interface BreachRegisterService {
  list(ctx: CallContext, query: { readonly limit: number; readonly skip: number }): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Replaces the whole entry of an incident. @throws FirebreakError `invalid_deadline`, `stale_version`, `not_found`. */
  set(
    ctx: CallContext,
    input: { readonly id: string; readonly definition: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /** All entries as CSV. @throws FirebreakError `conflict` when there are too many for one file. */
  exportCsv(ctx: CallContext): Promise<string>;
}

const COLUMNS = [
  'incidentId',
  'openedAt',
  'facts',
  'effects',
  'remedialAction',
  'notified',
  'reason',
  'clocks',
  'updatedAt',
  'savedBy',
];

/** Builds the service: one entry for each incident, opened by itself with the first clock of a data-protection regime. */
export function createBreachRegister({ journal, committer }: BreachRegisterPorts): BreachRegisterService {
  async function shown(id: string, stored: StoredBreach, now: number): Promise<Resource> {
    const { items } = await journal.listViews({ kind: 'deadline', parent: id, limit: MAX_CLOCKS, skip: 0 });
    const clocks = items.map((view) => shownClockOf(view, now));
    const { openedAt, updatedAt, savedBy, version } = stored;
    return {
      id,
      incidentId: id,
      ...stored.document,
      clocks,
      openedAt: shownTime(openedAt),
      updatedAt: shownTime(updatedAt),
      savedBy,
      version,
    };
  }

  return {
    async list({ now }, { limit, skip }) {
      const { items, total } = await journal.longReads.listViews({ kind: 'breach', limit, skip });
      return { items: await Promise.all(items.map(async (view) => shown(view.id, storedOf(view), now))), total };
    },
    async get({ now }, { id }) {
      const view = await journal.view('breach', id);
      if (view === null) throw new FirebreakError('not_found', `There is no entry for ${id}`);
      const stored = storedOf(view);
      return { data: await shown(id, stored, now), version: stored.version };
    },
    async set(ctx, { id, definition, ifMatch }) {
      await requireIncident(journal, id);
      const read = readBreach(definition);
      if ('faults' in read) throw new FirebreakError('invalid_deadline', 'The entry is not valid', read.faults);
      const document = recordable(read.value, 'invalid_deadline') as unknown as BreachEntry; // what was just read
      const stored = await untilApplied(async () => {
        const view = await journal.view('breach', id);
        const before = view === null ? null : storedOf(view);
        requireVersion(ifMatch, before?.version ?? 0);
        const saved = { document, by: ctx.principal.userId, at: ctx.now, trace: recordedTrace(ctx) };
        const next = breachChange(id, before, saved);
        return { result: await committer.submit(next.change), answer: next.stored };
      });
      return { data: await shown(id, stored, ctx.now), version: stored.version };
    },
    async exportCsv({ now }) {
      const { items, total } = await journal.longReads.listViews({ kind: 'breach', limit: MAX_EXPORTED, skip: 0 });
      if (total > items.length)
        throw new FirebreakError('conflict', `There are ${total} entries: take them as JSON, page by page`);
      const rows: string[] = [csvRow(COLUMNS)];
      for (const view of items) {
        const row = await shown(view.id, storedOf(view), now);
        rows.push(csvRow(COLUMNS.map((column) => cellOf(row[column] ?? null))));
      }
      return rows.join('');
    },
  };
}

function shownClockOf({ id, body }: StoredView, now: number) {
  const clock = body as unknown as Clock; // only this room writes these bodies
  const stages = clockStages(clock);
  return { id, rule: clock.basis.rule.id, status: clockStatus(clock, stages, now) };
}

function cellOf(value: Json): string | null {
  if (value === null || typeof value === 'string') return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value.map((each) => Object.values(each as object).join(' ')).join('; '); // clocks, made above
}

function storedOf(view: StoredView): StoredBreach {
  return view.body as unknown as StoredBreach; // only this room writes these bodies
}
