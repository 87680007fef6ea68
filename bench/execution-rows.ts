import Sqlite from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import type { Change, View } from '../src/journal/journal.ts';
import { openSqliteJournal } from '../src/journal/sqlite/sqlite-journal.ts';
import type { SealedRecord } from '../src/pipeline/audit/record.ts';
import { changeOf, executionStream } from '../src/pipeline/executions/change.ts';
import { decide } from '../src/pipeline/executions/core/decide.ts';
import { executionStore } from '../src/pipeline/executions/execution-store.ts';
import { stepOf } from '../src/pipeline/executions/core/fold.ts';
import type { ExecutionState } from '../src/pipeline/executions/core/state.ts';
import type { Write } from './rows.ts';

/** The rows of one execution, taken from a journal and repeated under other ids. */
export interface PreparedExecutions {
  /** Mean size of what one action adds to the records, as stored: everything from its first call to its read-back. */
  readonly recordBytesPerAction: number;
  /** Commits as `connections` executions make them that go step by step together, whole executions only. */
  commits(connections: number): Write[][];
}

interface IncidentRow {
  readonly stream: string;
  readonly bytes: string;
  readonly view: string;
  readonly status: string;
  readonly subject: string;
  readonly unique_key: string | null;
}

/**
 * Reads a finished execution back and derives again, with the product's own pure functions, what each of its steps
 * wrote: records, views, timers and queue entries, byte for byte.
 */
export async function executionRows(file: string, executionId: string, count: number): Promise<PreparedExecutions> {
  const journal = openSqliteJournal({ file, birth: { id: 'unused', at: 0, accelerated: false } });
  const store = executionStore(journal);
  const { plan, state: final } = await store.load(executionId);
  const records = await journal.readStream(executionStream(executionId));
  await journal.close();
  const incidentId = final.snapshot.incident.id;
  const userId = final.snapshot.incident.subject.id;
  let state: ExecutionState | null = null;
  const steps = records.map((sealed, index) => {
    const { input } = stepOf(sealed.record);
    const decision = decide(plan, state, input);
    const { change } = changeOf(plan, state, index, [{ input, decision }], sealed.record.trace);
    state = decision.state;
    return [...recordWrites(sealed), ...rowWrites(change)];
  });
  steps[0]?.unshift(...incidentWrites(file, incidentId));
  const ids = [executionId, incidentId, userId] as const;
  return {
    recordBytesPerAction: bytesPerAction(records),
    commits(connections) {
      const commits: Write[][] = [];
      for (let first = 0; first < count; first += connections) {
        const group = Array.from({ length: Math.min(connections, count - first) }, () => steps.map(renamer(ids)));
        for (let step = 0; step < steps.length; step += 1) commits.push(group.flatMap((own) => own[step] ?? []));
        // The log keeper's part: a leaf for each record, placed later and many at once.
        commits.push(group.flatMap((own) => own.flat().flatMap(leafWrite)));
      }
      return commits;
    },
  };
}

function bytesPerAction(records: readonly SealedRecord[]): number {
  const actions = new Set<string>();
  let bytes = 0;
  for (const sealed of records) {
    const { input } = stepOf(sealed.record);
    if (!('actionId' in input)) continue;
    actions.add(input.actionId);
    bytes += Buffer.byteLength(sealed.bytes);
  }
  return Math.round(bytes / Math.max(1, actions.size));
}

function recordWrites({ record, bytes }: SealedRecord): Write[] {
  return [
    { statement: 'stream', values: [record.stream, record.seq, randomBytes(32).toString('hex')] },
    { statement: 'record', values: [record.stream, record.seq, bytes, randomBytes(32)] },
  ];
}

function leafWrite({ statement, values }: Write): Write[] {
  return statement === 'record' ? [{ statement: 'leaf', values: [1, values[1] ?? 0, randomBytes(32)] }] : [];
}

function rowWrites({ views = [], timers = [], effects = [] }: Change): Write[] {
  return [
    ...views.map(viewWrite),
    ...timers.map(({ execution, name, generation, due }): Write =>
      due === null
        ? { statement: 'noTimer', values: [execution, name] }
        : { statement: 'timer', values: [execution, name, generation, due] },
    ),
    ...effects.map(({ execution, name, body }): Write =>
      body === null
        ? { statement: 'noEffect', values: [execution, name] }
        : { statement: 'effect', values: [execution, name, JSON.stringify(body)] },
    ),
  ];
}

function viewWrite(view: View): Write {
  const { kind, id, uniqueKey, status, type, severity, subject, parent, ref, at, body } = view;
  const columns = [uniqueKey, status, type, severity, subject, parent, ref].map((value) => value ?? null);
  return { statement: 'view', values: [kind, id, ...columns, at, JSON.stringify(body)] };
}

/** The incident that began with the execution: its record and its view, as stored. */
function incidentWrites(file: string, incidentId: string): Write[] {
  const database = new Sqlite(file, { readonly: true });
  const row = database
    .prepare<[string, string], IncidentRow>(
      `select s.name as stream, r.bytes, v.body as view, v.status, v.subject, v.unique_key
       from streams s join records r on r.stream = s.no and r.seq = 1 join views v on v.kind = 'incident' and v.id = ?
       where s.name = ?`,
    )
    .get(incidentId, `incident/${incidentId}`);
  database.close();
  if (row === undefined) throw new Error(`there is no incident ${incidentId}`);
  const { stream, bytes, view, status, subject, unique_key: uniqueKey } = row;
  return [
    { statement: 'stream', values: [stream, 1, randomBytes(32).toString('hex')] },
    { statement: 'record', values: [stream, 1, bytes, randomBytes(32)] },
    {
      statement: 'view',
      values: ['incident', incidentId, uniqueKey, status, 'CUSTOM', 'HIGH', subject, null, null, 0, view],
    },
  ];
}

/** Puts fresh ids of the same length in the place of the given ones, in every value. */
function renamer(ids: readonly string[]): (step: readonly Write[]) => Write[] {
  const fresh = ids.map((id) => {
    const kept = id.slice(0, 4);
    return `${kept}${randomBytes(id.length).toString('hex')}`.slice(0, id.length);
  });
  const rename = (text: string): string =>
    ids.reduce((done, id, index) => done.replaceAll(id, fresh[index] ?? id), text);
  return (step) =>
    step.map(({ statement, values }) => ({
      statement,
      values: values.map((value) => (typeof value === 'string' ? rename(value) : value)),
    }));
}
