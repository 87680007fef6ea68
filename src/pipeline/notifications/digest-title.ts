import { severityRank, type Severity } from '../vocabulary.ts';
import type { Notice, NoticeKind } from './contract.ts';

/** What several notices of a kind are called together. */
const TOGETHER: Readonly<Record<NoticeKind, string>> = {
  'approval.requested': 'approvals wait',
  'approval.reminder': 'approvals wait',
  'approval.escalated': 'approvals wait',
  'approval.unanswerable': 'approvals cannot be decided',
  'approval.broken_glass': 'approvals were decided by one person alone',
  'approval.decided': 'approvals are decided',
  'containment.provisional': 'containments to keep or end',
  'execution.failed': 'executions failed',
  'execution.told': 'steps of playbooks tell something',
  'guard.paused': 'words on the pause',
  'guard.resume_proposed': 'words on the pause',
  'guard.resumed': 'words on the pause',
  'guard.changed': 'guards were changed',
  'guard.limit_reached': 'limits of an hour are reached',
  'exemption.proposed': 'exemptions are proposed',
  'exemption.confirmed': 'exemptions are in force',
  'exemption.revoked': 'exemptions are ended',
  'contact.told': 'regulatory notices were made',
  'deadline.started': 'regulatory clocks were started',
  'deadline.reminded': 'deadlines come nearer',
  'deadline.overrun': 'deadlines have passed',
  'evidence.alarm': 'artefacts are not as they were left',
  'vendor.escalated': 'incidents touch vendors',
  'vendor.acknowledged': 'escalations about vendors were taken',
  'task.opened': 'tasks were opened',
  'task.assigned': 'tasks were given to you',
  'task.reminded': 'tasks are due',
  'delivery.dead': 'messages could not be delivered',
  test: 'test notices',
};

/** Names what a notice is about: two notices with the same one belong together. */
export function topicOf({ about }: Pick<Notice, 'about'>): string {
  return `${about.type}/${about.id}`;
}

/**
 * The notice that matters most: of the highest severity, and of those the newest.
 * @param notices at least one, in the order in which they came.
 */
export function severest<T extends { readonly severity: Severity }>(notices: readonly T[]): T {
  return notices.reduce((most, notice) =>
    severityRank(notice.severity) >= severityRank(most.severity) ? notice : most,
  );
}

/**
 * One title for all notices of a message: how many things they are about, what, and the most severe one. News of one
 * thing have the title of the newest.
 * @param notices at least one, in the order in which they came.
 */
export function digestTitle(notices: readonly Notice[]): string {
  const newest = new Map(notices.map((notice) => [topicOf(notice), notice]));
  const things = [...newest.values()];
  const most = severest(things);
  if (things.length === 1) return most.title;
  const [what = '', ...others] = new Set(things.map(({ kind }) => TOGETHER[kind]));
  return `${things.length} ${others.length === 0 ? what : 'notices'}, the most severe: ${most.title}`;
}
