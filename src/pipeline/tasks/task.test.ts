import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../vocabulary.ts';
import {
  dueOf,
  draftOf,
  linesOf,
  MAX_DRAFT_LENGTH,
  MAX_TASK_RECORDS,
  rolesOf,
  tamedDraft,
  titleOf,
} from './read-task.ts';
import { taskChange } from './task-change.ts';
import { maySee, mayWork, requireWork, TASK_LEADS } from './task-rights.ts';
import {
  dueReminder,
  evolveTask,
  foldTask,
  nextReminder,
  taskStatus,
  taskWords,
  type Task,
  type TaskRecord,
} from './task.ts';

const SUBJECT = {
  title: 'Say something',
  roles: ['LEGAL'],
  origin: { kind: 'person', incidentId: null, executionId: null, actionId: null },
} as const;
const TOLD = { about: taskWords(SUBJECT), roles: ['LEGAL'], userIds: [] };

function opened(dueAt: number | null = null, at = 0): TaskRecord {
  return { type: 'task.opened', at, data: { by: 'a', task: SUBJECT, draft: 'one', dueAt, told: true, ...TOLD } };
}

/** Any record that may come next while a task has not ended. */
const OTHER: fc.Arbitrary<TaskRecord> = fc.oneof(
  fc.constantFrom('a', 'b').map((userId) => record('task.claimed', { by: 'a', userId, ...TOLD })),
  fc.constant(record('task.released', { by: 'a' })),
  fc.string().map((draft) => record('task.draft_saved', { by: 'b', draft })),
  fc.constant(record('task.commented', { by: 'b', text: 'x' })),
  fc.option(fc.integer({ min: 1, max: 1_000 })).map((dueAt) => record('task.due_set', { by: 'a', dueAt })),
);

function record(type: TaskRecord['type'], data: object): TaskRecord {
  return { type, at: 1, data } as TaskRecord; // each pair above is that of one kind
}

describe('a task', () => {
  it('is the fold of its records, whoever folds it and in however many steps', () => {
    fc.assert(
      fc.property(fc.array(OTHER, { maxLength: 30 }), (records) => {
        const all = [opened(), ...records];
        const task = foldTask(all);
        expect(all.reduce<Task | null>(evolveTask, null)).toEqual(task);
        expect(task?.version).toBe(all.length);
        const drafts = records.filter(({ type }) => type === 'task.draft_saved').length;
        expect(task?.draft.version).toBe(1 + drafts);
        expect(task === null ? null : taskStatus(task)).toBe(task?.holder === null ? 'OPEN' : 'CLAIMED');
      }),
    );
  });

  it('takes no record after its end, and none before it was opened', () => {
    const done = [opened(), record('task.done', { by: 'a', note: 'x' })];
    expect(foldTask(done)).toMatchObject({ ended: { how: 'DONE' } });
    expect(() => foldTask([...done, record('task.released', { by: 'a' })])).toThrow('has not ended');
    expect(() => foldTask([opened(), opened()])).toThrow('opened once');
    expect(() => foldTask([record('task.released', { by: 'a' })])).toThrow('was opened');
  });

  it('has a bounded number of entries, and always room to end', () => {
    const full = { ...evolveTask(null, opened()), version: MAX_TASK_RECORDS };
    const comment = record('task.commented', { by: 'a', text: 'x' });
    expect(() => taskChange('t', full, comment, { tell: undefined })).toThrow('finish it');
    const end = taskChange('t', full, record('task.done', { by: 'a', note: 'x' }), { tell: undefined });
    expect(end.after.ended?.how).toBe('DONE');
  });
});

describe('its reminders', () => {
  it('come in order, each once, never late one by one, and anew for another time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 1_000_000 }), fc.array(fc.nat({ max: 1_500_000 })), (dueAt, looks) => {
        let task = evolveTask(null, opened(dueAt));
        const marks: string[] = [];
        for (const now of looks.toSorted((left, right) => left - right)) {
          const due = dueReminder(task, now);
          if (due === null) continue;
          marks.push(due.mark);
          task = evolveTask(task, { type: 'task.reminded', at: now, data: { ...due, ...TOLD } });
          expect(dueReminder(task, now)).toBeNull();
        }
        expect([[], ['soon'], ['due'], ['soon', 'due']]).toContainEqual(marks);
        expect(marks.includes('due')).toBe(looks.some((now) => now >= dueAt));
        const anew = evolveTask(task, record('task.due_set', { by: 'a', dueAt: dueAt + 5 }));
        expect(nextReminder(anew)?.mark).toBe('soon');
      }),
    );
  });

  it('end with the task', () => {
    const task = foldTask([opened(1_000), record('task.dropped', { by: 'a', reason: 'x' })]);
    expect(task === null ? undefined : nextReminder(task)).toBeNull();
  });
});

describe('who may do what', () => {
  it('is who is named and who leads; a watcher sees only, and everybody else nothing', () => {
    const task = evolveTask(null, opened());
    for (const role of ROLES) {
      const worker = { userId: 'u', roles: [role] };
      const isMeant = role === 'LEGAL' || TASK_LEADS.includes(role);
      expect([role, mayWork(task, worker), maySee(task, worker)]).toEqual([
        role,
        isMeant,
        isMeant || role === 'AUDITOR',
      ]);
    }
    expect(() => requireWork('t', task, { userId: 'u', roles: ['AUDITOR'] })).toThrow('is for LEGAL');
    // What there is not and what is not for somebody sound the same.
    const stranger = { userId: 'u', roles: ['SECURITY_ANALYST'] };
    expect(() => requireWork('t', task, stranger)).toThrow('There is no task t');
    expect(() => requireWork('t', null, stranger)).toThrow('There is no task t');
  });
});

describe('what comes in', () => {
  it('is refused with the member, or kept as it is', () => {
    expect(titleOf('  A title ')).toBe('A title');
    expect(draftOf('a\r\nb\tc')).toBe('a\nb\tc');
    expect(rolesOf(['LEGAL', 'CISO', 'LEGAL', 'OWN_ROLE'], ['OWN_ROLE'])).toEqual(['CISO', 'LEGAL', 'OWN_ROLE']);
    expect(dueOf(null, 0)).toBeNull();
    for (const [refusal, pointer] of [
      [() => titleOf('a\u0000b'), '/title'],
      [() => titleOf('\u2066x'), '/title'],
      [() => titleOf('x'.repeat(201)), '/title'],
      [() => draftOf(' \n '), '/draft'],
      [() => draftOf('\ud800'), '/draft'],
      [() => draftOf('a\rb'), '/draft'],
      [() => linesOf('\u009b31m', '/note'), '/note'],
      [() => rolesOf([], []), '/roles'],
      [() => rolesOf(['toString'], []), '/roles/0'],
      [() => dueOf(5, 5), '/dueAt'],
      [() => dueOf(400 * 86_400_000, 0), '/dueAt'],
    ] as const)
      expect(refusal).toThrow(expect.objectContaining({ faults: [expect.objectContaining({ pointer })] }));
  });

  it('of a playbook is tamed instead: what it makes is always a draft that a person could save', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (draft) => {
        const tamed = tamedDraft(draft);
        expect(draftOf(tamed)).toBe(tamed);
      }),
    );
    expect(tamedDraft('x'.repeat(MAX_DRAFT_LENGTH + 1))).toHaveLength(MAX_DRAFT_LENGTH);
  });
});
