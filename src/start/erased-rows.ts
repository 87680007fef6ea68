import type { Journal, View } from '../journal/journal.ts';
import { approvalView, executionView } from '../pipeline/executions/change.ts';
import { executionStore } from '../pipeline/executions/execution-store.ts';
import { exemptionUseViews } from '../pipeline/executions/exemption-uses.ts';
import { foldEvidence } from '../pipeline/evidence/custody.ts';
import { evidenceView } from '../pipeline/evidence/evidence.store.ts';
import { draftView, foldDraft } from '../pipeline/deadlines/drafts/draft.ts';
import { incidentWrite } from '../pipeline/incidents/incident-change.ts';
import type { Incident } from '../pipeline/incidents/incident.ts';
import { deliveryViews, foldNotice } from '../pipeline/notifications/notice-state.ts';
import { foldTask, TASK_STREAMS, taskView } from '../pipeline/tasks/task.ts';
import type { JournalRecord } from '../pipeline/audit/record.ts';

type Rows = (
  id: string,
  records: readonly JournalRecord[],
  journal: Journal,
) => Promise<readonly View[]> | readonly View[];

/** The rows that show texts of the records of a stream, by how its name begins. */
const ROWS: ReadonlyMap<string, Rows> = new Map<string, Rows>([
  ['incident/', rowsOfIncident],
  ['execution/', rowsOfExecution],
  ['notice/', (id, records) => deliveryViews(foldNotice(id, records))],
  ['evidence/', (id, records) => rowOf(foldEvidence(records), (evidence) => evidenceView(id, evidence))],
  [
    TASK_STREAMS,
    (id, records) => rowOf(foldTask(records), (task) => ({ ...taskView(id, task), expectedVersion: null })),
  ],
  [
    'draft/',
    (id, records) => rowOf(foldDraft(records), (draft) => ({ ...draftView(id, draft), expectedVersion: null })),
  ],
]);

/** The rows of a stream as its records up to `seq` say them, to be written in the place of those that hold what was erased. */
export async function erasedRows(
  journal: Journal,
  stream: string,
): Promise<{ readonly seq: number; readonly rows: readonly View[] }> {
  const [prefix, rowsOf] = [...ROWS].find(([name]) => stream.startsWith(name)) ?? [];
  if (prefix === undefined || rowsOf === undefined) return { seq: 0, rows: [] };
  const records = (await journal.readStream(stream)).map(({ record }) => record);
  const seq = records.at(-1)?.seq ?? 0;
  if (seq === 0) return { seq, rows: [] }; // it lies in an archive
  const rows = await rowsOf(stream.slice(prefix.length), records, journal);
  return { seq, rows: rows.map((row) => ({ ...row, expectedVersion: null })) };
}

/** What happened is told in words that name people; it follows from no record. */
function rowsOfIncident(_id: string, records: readonly JournalRecord[]): readonly View[] {
  const last = records.at(-1);
  if (last === undefined) return [];
  const incident = { ...(last.data['incident'] as unknown as Incident), timeline: [] }; // written by `incidentWrite`
  const stored = { incident, version: 0, seq: last.seq - 1 };
  return [incidentWrite(stored, incident, { type: last.type, at: last.at, trace: undefined, cause: null }).view];
}

async function rowsOfExecution(
  id: string,
  _records: readonly JournalRecord[],
  journal: Journal,
): Promise<readonly View[]> {
  // One of its own: nothing that is remembered.
  const { plan, state } = await executionStore(journal).load(id);
  const approvals = Object.values(state.approvals);
  return [
    executionView(plan, state),
    ...approvals.flatMap((approval) => [
      approvalView(plan, state, approval),
      ...exemptionUseViews(plan, state, approval),
    ]),
  ];
}

function rowOf<Thing>(thing: Thing | null, view: (thing: Thing) => View): readonly View[] {
  return thing === null ? [] : [view(thing)];
}
