import { FirebreakError } from '../../platform/errors.ts';
import type { RoleName } from '../vocabulary.ts';
import type { Task } from './task.ts';

/**
 * Who may see a task and who may work on it: a second look, after the table of operations, at which task it is. Pure.
 */

/** Those who answer for incidents may do everything with every task: work whose people are away is given to others. */
export const TASK_LEADS: readonly RoleName[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];
/** Sees every task, and changes none. */
const WATCHERS: readonly RoleName[] = ['AUDITOR'];

/** Somebody with the roles that they have now. */
export interface Worker {
  readonly userId: string;
  readonly roles: readonly RoleName[];
}

export function isLead({ roles }: Pick<Worker, 'roles'>): boolean {
  return roles.some((role) => TASK_LEADS.includes(role));
}

/** Whether it is for one of these roles, or for somebody who answers for all of them. */
export function mayWork({ roles: meant }: Pick<Task, 'roles'>, worker: Pick<Worker, 'roles'>): boolean {
  return isLead(worker) || worker.roles.some((role) => meant.includes(role));
}

export function maySee(task: Pick<Task, 'roles'>, worker: Pick<Worker, 'roles'>): boolean {
  return mayWork(task, worker) || worker.roles.some((role) => WATCHERS.includes(role));
}

/** @throws FirebreakError `not_found`: whoever it is not for does not learn that there is one. */
export function requireSight(id: string, task: Task | null, worker: Worker): Task {
  if (task === null || !maySee(task, worker)) throw new FirebreakError('not_found', `There is no task ${id}`);
  return task;
}

/** @throws FirebreakError `not_found`, `forbidden` for who only watches, `conflict` for one that has ended. */
export function requireWork(id: string, given: Task | null, worker: Worker): Task {
  const task = requireSight(id, given, worker);
  if (!mayWork(task, worker)) throw new FirebreakError('forbidden', `The task is for ${task.roles.join(', ')}`);
  if (task.ended !== null)
    throw new FirebreakError('conflict', `The task is ${task.ended.how} already; nothing of it changes any more`);
  return task;
}

/** @throws FirebreakError `conflict` unless this person has it: two who write one draft overwrite each other. */
export function requireHolder({ holder }: Pick<Task, 'holder'>, { userId }: Worker): void {
  if (holder?.userId === userId) return;
  const why = holder === null ? 'Nobody has the task: claim it first' : `${holder.userId} has the task`;
  throw new FirebreakError('conflict', why);
}

/** @throws FirebreakError `conflict` where somebody else has it and this person is no lead. */
export function requireHolderOrLead(task: Task, worker: Worker): void {
  if (!isLead(worker)) requireHolder(task, worker);
}
