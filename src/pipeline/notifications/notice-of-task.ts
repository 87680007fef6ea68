import type { JournalRecord } from '../audit/record.ts';
import { short, type Told } from './notice-of.ts';

/** What a notice says of a task, as `../tasks`, which lies downstream, puts it into its records. */
export interface TaskWords {
  readonly title: string;
  readonly incidentId: string | null;
  readonly executionId: string | null;
}

/** Records of these streams are written by `task-change.ts`. */
interface TaskRecordWords {
  readonly about: TaskWords;
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
  readonly by?: string;
  readonly dueAt?: number | null;
  /** Of reminders: `due` when the time is over. */
  readonly mark?: 'soon' | 'due';
}

/** What people are told of a task; null where a record of it is no news. */
export function taskNotice(id: string, { type, data }: Pick<JournalRecord, 'type' | 'data'>): Told | null {
  if (type !== 'task.opened' && type !== 'task.claimed' && type !== 'task.reminded') return null;
  const { about, roles, userIds, by, dueAt = null, mark } = data as unknown as TaskRecordWords;
  const { title, incidentId, executionId } = about;
  const isOver = mark === 'due';
  const facts = [
    { label: 'Task', value: short(id) },
    ...(by === undefined ? [] : [{ label: 'By', value: short(by) }]),
    ...(incidentId === null ? [] : [{ label: 'Incident', value: short(incidentId) }]),
    ...(executionId === null ? [] : [{ label: 'Execution', value: short(executionId) }]),
    ...(dueAt === null ? [] : [{ label: 'Due', value: new Date(dueAt).toISOString() }]),
    { label: 'To see it', value: `GET /api/tasks/${id}` },
  ];
  const said = SAID[type];
  return {
    notice: {
      kind: said.kind,
      severity: isOver ? 'HIGH' : 'MEDIUM',
      title: `${isOver ? 'A task is overdue' : said.title}: ${short(title)}`,
      lines: [said.line],
      facts,
      about: { type: 'task', id },
      ask: null,
    },
    audience: { who: 'named', roles, userIds },
    channels: null,
  };
}

const SAID = {
  'task.opened': { kind: 'task.opened', title: 'A task', line: 'Claim it to work on it; others see that you have it.' },
  'task.claimed': { kind: 'task.assigned', title: 'You were given a task', line: 'Release it if you cannot do it.' },
  'task.reminded': {
    kind: 'task.reminded',
    title: 'A task is due soon',
    line: 'Finish it with a note, drop it with a reason, or set another time.',
  },
} as const;
