import { z } from 'zod';
import { exemptionUses } from '../pipeline/executions/exemption-uses.ts';
import { personsInBytes } from '../journal/persons/opened-record.ts';
import type { JournalReader, StoredView, View, ViewKind } from '../journal/journal.ts';
import { executionStream } from '../pipeline/executions/change.ts';
import { incidentOf, incidentStream } from '../pipeline/incidents/incident-change.ts';
import { DELIVERY_STATUSES, noticeStream } from '../pipeline/notifications/notice-state.ts';
import { MAX_WAYS } from '../pipeline/notifications/routing.ts';
import { taskStream } from '../pipeline/tasks/task.ts';
import type { RetentionClass } from '../platform/retention-config.ts';
import type { Cutoffs } from './cutoffs.ts';

/** Rows read at once. */
const PAGE = 1_000;
/** Records without a place that are looked at; more means that the log stands still, and then nothing is archived. */
const MAX_UNSEQUENCED = 100_000;

const EXECUTION_ROW = z.looseObject({
  endedAt: z.int().nullable(),
  incidentId: z.string(),
  parentExecutionId: z.string().nullable(),
});

/** A stream that may be archived, the class it is kept as, and the execution it is of. */
export interface OldStream {
  readonly stream: string;
  readonly of: RetentionClass;
  readonly execution: string | null;
}

interface ExecutionRow {
  readonly id: string;
  /** It has ended, and nothing of it is owed or held. */
  readonly over: boolean;
  /** It may go by itself. */
  readonly old: boolean;
  readonly parent: string | null;
  readonly incident: string;
}

/**
 * What ended before the time of its class and is over altogether: executions with their children, incidents that nobody works on and whose
 * executions go or went before, notices and tasks. Never what is open, waits, holds something, or is not under a signed checkpoint yet.
 * Sorted by name.
 */
export async function oldStreams(journal: JournalReader, cutoffs: Cutoffs): Promise<readonly OldStream[]> {
  const unready = await unreadyStreams(journal);
  const busy = await busyExecutions(journal);
  const executions = new Map<string, ExecutionRow>();
  for await (const { id, body } of viewsOf(journal, 'execution')) {
    const { endedAt, incidentId, parentExecutionId } = EXECUTION_ROW.parse(body);
    const over = endedAt !== null && !busy.has(id);
    const old = over && isBefore(endedAt, cutoffs.incidents) && !unready.has(executionStream(id));
    executions.set(id, { id, over, old, parent: parentExecutionId, incident: incidentId });
  }
  const streams = [
    ...(await oldIncidents(journal, { before: cutoffs.incidents, unready, executions })),
    ...(await oldNotices(journal, { before: cutoffs.notices, unready, executions })),
    ...(await oldTasks(journal, { before: cutoffs.tasks, unready, executions })),
  ];
  // As exports are ordered: by UTF-16 units.
  return streams.sort((a, b) => (a.stream < b.stream ? -1 : 1));
}

interface Asked {
  /** Null: nothing of this class goes. */
  readonly before: number | null;
  readonly unready: ReadonlySet<string>;
  readonly executions: ReadonlyMap<string, ExecutionRow>;
}

async function oldIncidents(
  journal: JournalReader,
  { before, unready, executions }: Asked,
): Promise<readonly OldStream[]> {
  if (before === null) return [];
  // A fan-out goes as a whole.
  const kept = new Set<string>();
  for (const each of executions.values()) if (!each.old) kept.add(rootOf(executions, each));
  const going = [...executions.values()].filter((each) => !kept.has(rootOf(executions, each)));
  const streams: OldStream[] = going.map(({ id }) => ({
    stream: executionStream(id),
    of: 'incidents',
    execution: id,
  }));
  const goingIds = new Set(going.map(({ id }) => id));
  const needed = new Set([...executions.values()].flatMap(({ id, incident }) => (goingIds.has(id) ? [] : [incident])));
  for await (const view of viewsOf(journal, 'incident')) {
    const stream = incidentStream(view.id);
    const { status } = incidentOf(view).incident;
    if (status === 'OPEN' || needed.has(view.id) || unready.has(stream)) continue;
    const newest = (await journal.readStream(stream)).at(-1)?.record;
    if (newest !== undefined && isBefore(newest.at, before)) streams.push({ stream, of: 'incidents', execution: null });
  }
  return streams;
}

/** Never one that still has to be delivered, or whose execution is not over. */
async function oldNotices(
  journal: JournalReader,
  { before, unready, executions }: Asked,
): Promise<readonly OldStream[]> {
  if (before === null) return [];
  const going = new Map<string, boolean>();
  for await (const { at, body } of viewsOf(journal, 'delivery')) {
    const { noticeId, executionId, status } = DELIVERY_ROW.parse(body);
    const isFree = executions.get(executionId ?? '')?.over !== false;
    const goes = isFree && isBefore(at, before) && status !== 'PENDING' && !unready.has(noticeStream(noticeId));
    going.set(noticeId, goes && going.get(noticeId) !== false);
  }
  return [...going].flatMap(([id, goes]) =>
    goes ? [{ stream: noticeStream(id), of: 'notices', execution: null }] : [],
  );
}

/** Never one that nobody has ended, or whose execution is not over. */
async function oldTasks(journal: JournalReader, { before, unready, executions }: Asked): Promise<readonly OldStream[]> {
  if (before === null) return [];
  const streams: OldStream[] = [];
  for await (const { id, body } of viewsOf(journal, 'task')) {
    const { ended, origin } = TASK_ROW.parse(body);
    const isFree = executions.get(origin.executionId ?? '')?.over !== false;
    const stream = taskStream(id);
    if (isFree && ended !== null && isBefore(ended.at, before) && !unready.has(stream))
      streams.push({ stream, of: 'tasks', execution: null });
  }
  return streams;
}

const TASK_ROW = z.looseObject({
  ended: z.looseObject({ at: z.int() }).nullable(),
  origin: z.looseObject({ executionId: z.string().nullable() }),
});

function isBefore(at: number, cutoff: number | null): boolean {
  return cutoff !== null && at < cutoff;
}

const DELIVERY_ROW = z.looseObject({
  noticeId: z.string(),
  executionId: z.string().nullable(),
  status: z.enum(DELIVERY_STATUSES),
});

/** The rows that go with a stream. */
export async function rowsOf(
  journal: Pick<JournalReader, 'listViews' | 'log'>,
  old: Pick<OldStream, 'stream' | 'execution'>,
): Promise<readonly Pick<View, 'kind' | 'id'>[]> {
  return [...(await rowsAbout(journal, old)), ...(await rowsOfPersons(journal, old.stream))];
}

/** Whose texts the stream holds: in the archive they stay under their keys. */
async function rowsOfPersons(
  { log }: Pick<JournalReader, 'log'>,
  stream: string,
): Promise<readonly Pick<View, 'kind' | 'id'>[]> {
  const persons = new Set((await log.recordRows(stream)).flatMap(({ bytes }) => personsInBytes(bytes)));
  const ids = persons.size === 0 ? [] : [stream, ...[...persons].map((person) => `${stream} ${person}`)];
  return ids.map((id) => ({ kind: 'person-stream', id }));
}

async function rowsAbout(
  journal: Pick<JournalReader, 'listViews'>,
  { stream, execution }: Pick<OldStream, 'stream' | 'execution'>,
): Promise<readonly Pick<View, 'kind' | 'id'>[]> {
  const id = stream.slice(stream.indexOf('/') + 1);
  if (stream === noticeStream(id)) return rowsOfNotice(journal, id);
  if (stream === taskStream(id)) return [{ kind: 'task', id }];
  const [own, below] = execution === null ? (['incident', 'finding'] as const) : (['execution', 'approval'] as const);
  const rows: Pick<View, 'kind' | 'id'>[] = [{ kind: own, id }];
  for await (const view of viewsOf(journal, below, id)) {
    rows.push({ kind: below, id: view.id });
    if (below === 'approval')
      rows.push(...exemptionUses(view).map((use) => ({ kind: 'exemption-use', id: use }) as const));
  }
  return rows;
}

async function rowsOfNotice(
  journal: Pick<JournalReader, 'listViews'>,
  id: string,
): Promise<readonly Pick<View, 'kind' | 'id'>[]> {
  const { items } = await journal.listViews({ kind: 'delivery', ref: id, limit: MAX_WAYS, skip: 0 });
  return items.map((view) => ({ kind: 'delivery', id: view.id }));
}

function rootOf(executions: ReadonlyMap<string, ExecutionRow>, execution: ExecutionRow): string {
  return executions.has(execution.parent ?? '') ? (execution.parent ?? '') : execution.id;
}

async function* viewsOf(
  journal: Pick<JournalReader, 'listViews'>,
  kind: ViewKind,
  parent?: string,
): AsyncGenerator<StoredView> {
  const of = parent === undefined ? {} : { parent };
  for (let skip = 0; ; skip += PAGE) {
    const { items } = await journal.listViews({ kind, ...of, limit: PAGE, skip });
    yield* items;
    if (items.length < PAGE) return;
  }
}

/** Streams with a record that no signed checkpoint covers. */
async function unreadyStreams({ log }: Pick<JournalReader, 'log'>): Promise<ReadonlySet<string>> {
  const unready = new Set((await log.unsequenced(MAX_UNSEQUENCED)).map(({ stream }) => stream));
  const signed = (await log.checkpoints(1)).at(-1)?.size ?? 0;
  for (let from = signed; ; from += PAGE) {
    const leaves = await log.leaves(from, PAGE);
    for (const { stream } of leaves) unready.add(stream);
    if (leaves.length < PAGE) return unready;
  }
}

/** Executions with a timer, an effect or a hold. */
async function busyExecutions(journal: JournalReader): Promise<ReadonlySet<string>> {
  const timers = await journal.dueTimers(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const busy = new Set([...timers, ...(await journal.queuedEffects())].map(({ execution }) => execution));
  for await (const { body } of viewsOf(journal, 'hold')) busy.add(HOLD_ROW.parse(body).executionId);
  return busy;
}

const HOLD_ROW = z.looseObject({ executionId: z.string() });
