import { ROLES, type Role } from '../vocabulary.ts';

/**
 * The one table of who may do what. The API's routes, the scopes of API keys, the console's buttons and the tests
 * all read it; nothing else decides about access by role.
 */
export const OPERATION_NAMES = [
  'event.ingest',
  'incident.read',
  'incident.close',
  'playbook.read',
  'playbook.write',
  'policy.read',
  'policy.write',
  'guard.read',
  'guard.write',
  'exemption.read',
  'exemption.write',
  'guard.pause',
  'guard.resume',
  'execution.read',
  'execution.trigger',
  'execution.retry',
  'execution.cancel',
  'execution.release',
  'execution.extend',
  'approval.read',
  'approval.vote',
  'notification.own',
  'notification.manage',
  'audit.read',
  'journal.recover',
  'metrics.read',
  'user.read',
  'user.manage',
  'session.own',
  'key.own',
  'key.manage',
] as const;
export type Operation = (typeof OPERATION_NAMES)[number];

export interface OperationRule {
  /** Holding one of them is enough. */
  readonly roles: readonly Role[];
  /** Never for a service account, whatever its roles are. */
  readonly humanOnly: boolean;
  /** What it lets one do, as documentation and the console say it. */
  readonly says: string;
}

/** People who work on incidents. */
const RESPONDERS: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'SECURITY_ANALYST', 'IR_LEAD'];
/** People who answer for an incident. */
const LEADS: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

/** People who may stop everything: whoever answers for an incident, or for security as a whole. */
const PAUSERS: readonly Role[] = ['SECURITY_ADMIN', 'CISO', 'INCIDENT_COMMANDER', 'IR_LEAD'];

/** The table. Whether a voter's role fits a certain gate is decided by the approval, not here. */
export const OPERATIONS: Readonly<Record<Operation, OperationRule>> = {
  'event.ingest': { roles: RESPONDERS, humanOnly: false, says: 'send events' },
  'incident.read': { roles: ROLES, humanOnly: false, says: 'see incidents' },
  'incident.close': { roles: RESPONDERS, humanOnly: false, says: 'move an incident on, close it or call it false' },
  'playbook.read': { roles: ROLES, humanOnly: false, says: 'see playbooks' },
  'playbook.write': {
    roles: ['SECURITY_ADMIN', 'IR_LEAD'],
    humanOnly: false,
    says: 'create, change and hide playbooks',
  },
  'policy.read': { roles: ROLES, humanOnly: false, says: 'see approval policies' },
  'policy.write': { roles: ['SECURITY_ADMIN', 'CISO'], humanOnly: false, says: 'create and change approval policies' },
  'guard.read': { roles: ROLES, humanOnly: false, says: 'see the guards over all playbooks' },
  'guard.write': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'say whom nothing contains without a person, and how much an hour may do',
  },
  'exemption.read': { roles: ROLES, humanOnly: false, says: 'see exemptions from gates, and what they allowed' },
  'exemption.write': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'propose an exemption from a gate, confirm what another person proposes, or revoke one',
  },
  'guard.pause': { roles: PAUSERS, humanOnly: true, says: 'pause everything that changes something outside' },
  'guard.resume': { roles: PAUSERS, humanOnly: true, says: 'let what is paused go on, together with another person' },
  'execution.read': { roles: ROLES, humanOnly: false, says: 'see executions' },
  'execution.trigger': { roles: RESPONDERS, humanOnly: false, says: 'start a playbook by hand' },
  'execution.retry': { roles: LEADS, humanOnly: false, says: 'try failed actions again' },
  'execution.cancel': { roles: LEADS, humanOnly: false, says: 'stop an execution and undo what it did' },
  'execution.release': {
    roles: RESPONDERS,
    humanOnly: true,
    says: 'let an action go that waits for the end of quiet hours',
  },
  'execution.extend': { roles: RESPONDERS, humanOnly: true, says: 'keep a containment that would end by itself' },
  'approval.read': { roles: ROLES, humanOnly: false, says: 'see what waits for a decision' },
  'approval.vote': {
    roles: ROLES.filter((role) => role !== 'AUDITOR'),
    humanOnly: true,
    says: 'approve or deny, where a gate names the role',
  },
  'notification.own': { roles: ROLES, humanOnly: true, says: 'see what one was told, and choose what to hear by mail' },
  'notification.manage': {
    roles: ['SECURITY_ADMIN', 'CISO', 'IR_LEAD'],
    humanOnly: true,
    says: 'see all messages, send again what was given up, and try a channel',
  },
  'audit.read': { roles: ROLES, humanOnly: false, says: 'read the audit trail' },
  'journal.recover': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'take a journal that was set back into use, together with another person',
  },
  'metrics.read': { roles: ROLES, humanOnly: false, says: 'see the figures' },
  'user.read': {
    roles: ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER', 'AUDITOR'],
    humanOnly: false,
    says: 'see people and service accounts',
  },
  'user.manage': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'create and change people and service accounts, within the own roles',
  },
  'session.own': {
    roles: ROLES,
    humanOnly: true,
    says: 'list and end the own sessions, change the own password, sign out',
  },
  'key.own': { roles: ROLES, humanOnly: true, says: 'create, list and revoke the own API keys' },
  'key.manage': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: "create, list and revoke other people's API keys, within the own roles",
  },
};

/** True when one of `roles` may do `operation`; a service account never does what is for humans only. */
export function rolesMay(roles: readonly Role[], kind: 'person' | 'service', operation: Operation): boolean {
  const rule = OPERATIONS[operation];
  if (rule.humanOnly && kind !== 'person') return false;
  return rule.roles.some((role) => roles.includes(role));
}
