import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { TaskDesk } from '../actions/desks.ts';
import type { ExecutionStore } from '../executions/execution-store.ts';
import { rolesOf, tamedDraft, titleOf } from './read-task.ts';
import { taskChange } from './task-change.ts';
import { taskWords } from './task.ts';

export interface TaskDeskPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly store: Pick<ExecutionStore, 'load'>;
}

/** Who opens what a playbook asks for. */
export const ENGINE = 'engine';

/**
 * Tasks as actions reach them: one for each key, however often it is asked for. Nobody is told here: the action tells those whom
 * the playbook names, over the channels that it names.
 */
export function createTaskDesk({ journal, committer, clock, store }: TaskDeskPorts): TaskDesk {
  return {
    async open({ key, origin, title, draft, roles }) {
      const id = askedId(key);
      const { state, trace } = await store.load(origin.executionId);
      const subject = {
        title: titleOf(title),
        // Which roles an action's task is for stands in its connector: built-in ones.
        roles: rolesOf(roles, []),
        origin: { kind: 'action', incidentId: state.snapshot.incident.id, ...origin },
      } as const;
      const telling = { about: taskWords(subject), roles: subject.roles, userIds: [] };
      const data = { by: ENGINE, task: subject, draft: tamedDraft(draft), dueAt: null, told: false, ...telling };
      const record = { type: 'task.opened', at: clock.now(), data } as const;
      const { change } = taskChange(id, null, record, { tell: undefined, trace });
      const result = await committer.submit(change);
      // Stale: it was opened before. Anything else that is stale would leave no task.
      if (result.status !== 'applied' && (await journal.view('task', id)) === null)
        throw new FirebreakError('overloaded', `The task could not be opened: ${result.what}`);
      return { taskId: id };
    },
    async find(key) {
      const id = askedId(key);
      return (await journal.view('task', id)) === null ? null : { taskId: id };
    },
  };
}

function askedId(key: string): string {
  return derivedId('tsk', 'asked', key);
}
