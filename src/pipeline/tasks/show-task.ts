import type { SealedRecord } from '../audit/record.ts';
import { shownTime, type Resource } from '../service.ts';
import { taskStatus, type Task } from './task.ts';

/** A task as lists show it: without its texts, which are for whoever opens it. */
export function shownTask(id: string, task: Task, now: number): Resource {
  const { title, roles, origin, draft, holder, dueAt, comments, ended, openedAt, openedBy, changedAt } = task;
  return {
    id,
    title,
    roles: [...roles],
    status: taskStatus(task),
    origin: { ...origin },
    openedAt: shownTime(openedAt),
    openedBy,
    changedAt: shownTime(changedAt),
    holder: holder === null ? null : { userId: holder.userId, since: shownTime(holder.at) },
    dueAt: shownTime(dueAt),
    overdue: ended === null && dueAt !== null && dueAt <= now,
    draftVersion: draft.version,
    comments,
    ended: ended === null ? null : { ...ended, at: shownTime(ended.at) },
    version: task.version,
  };
}

/** A task with its draft, the versions before it, and everything that was said and done. */
export function shownWhole(id: string, task: Task, records: readonly SealedRecord[], now: number): Resource {
  const { version, text, by, at } = task.draft;
  let saved = 0;
  const history = records.map(({ record }) => {
    const { about: _about, task: _subject, roles: _roles, userIds: _userIds, told: _told, ...said } = record.data;
    const isDraft = record.type === 'task.opened' || record.type === 'task.draft_saved';
    if (isDraft) saved += 1;
    return { type: record.type, at: shownTime(record.at), ...said, ...(isDraft ? { draftVersion: saved } : {}) };
  });
  return { ...shownTask(id, task, now), draft: { version, text, by, at: shownTime(at) }, history };
}
