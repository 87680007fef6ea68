import { ROLES, type Role, type RoleName } from '../vocabulary.ts';

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
  'runbook.sync',
  'policy.read',
  'policy.write',
  'guard.read',
  'guard.write',
  'change.decide',
  'exemption.read',
  'exemption.write',
  'evidence.read',
  'evidence.download',
  'evidence.write',
  'evidence.hold',
  'evidence.release',
  'evidence.dispose',
  'evidence.export',
  'guard.pause',
  'guard.resume',
  'break-glass.declare',
  'break-glass.use',
  'break-glass.review',
  'execution.read',
  'execution.trigger',
  'execution.retry',
  'execution.cancel',
  'execution.release',
  'execution.extend',
  'approval.read',
  'approval.vote',
  'delegation.read',
  'delegation.own',
  'oncall.read',
  'oncall.write',
  'inventory.read',
  'inventory.write',
  'deadline.read',
  'deadline.write',
  'deadline.configure',
  'breach-register.read',
  'breach-register.write',
  'vendor.read',
  'vendor.write',
  'vendor.escalate',
  'lawful-basis.read',
  'lawful-basis.write',
  'task.read',
  'task.work',
  'notification.own',
  'notification.manage',
  'contact.read',
  'contact.write',
  'draft.read',
  'draft.write',
  'draft.approve',
  'erasure.read',
  'erasure.write',
  'person.export',
  'audit.read',
  'journal.recover',
  'metrics.read',
  'user.read',
  'user.manage',
  'session.own',
  'passkey.own',
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

/** People who answer for what authorities are told, and who may know whom the organisation has named for it. */
const REGULATORY: readonly Role[] = ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER', 'LEGAL'];
/** People who keep regulatory clocks: whoever answers for what the law asks, and whoever leads the response. */
const CLOCK_KEEPERS: readonly Role[] = ['SECURITY_ADMIN', 'IR_LEAD', 'COMPLIANCE_OFFICER', 'LEGAL'];

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
  'runbook.sync': {
    roles: ['SECURITY_ADMIN', 'IR_LEAD'],
    humanOnly: false,
    says: 'make the runbooks those of a Git commit',
  },
  'policy.read': { roles: ROLES, humanOnly: false, says: 'see approval policies' },
  'policy.write': { roles: ['SECURITY_ADMIN', 'CISO'], humanOnly: false, says: 'create and change approval policies' },
  'guard.read': { roles: ROLES, humanOnly: false, says: 'see the guards over all playbooks' },
  'guard.write': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'say whom nothing contains without a person, and how much an hour may do',
  },
  'change.decide': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'confirm or reject a change of a policy or a guard that another person proposes and that takes a safeguard away',
  },
  'exemption.read': { roles: ROLES, humanOnly: false, says: 'see exemptions from gates, and what they allowed' },
  'exemption.write': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'propose an exemption from a gate, confirm what another person proposes, or revoke one',
  },
  'evidence.read': { roles: ROLES, humanOnly: false, says: 'see evidence, its custody and legal holds; not its bytes' },
  'evidence.download': {
    roles: [...RESPONDERS, 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'get the bytes of evidence, with a reason; each access is on record',
  },
  'evidence.write': {
    roles: [...RESPONDERS, 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'hand in evidence, verify it, and record that somebody else has it',
  },
  'evidence.hold': {
    roles: [...LEADS, 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'set a legal hold on evidence',
  },
  'evidence.release': {
    roles: ['SECURITY_ADMIN', 'CISO', 'LEGAL'],
    humanOnly: true,
    says: 'lift a legal hold that another person has set',
  },
  'evidence.dispose': {
    roles: ['SECURITY_ADMIN', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'let evidence go for good after its time, before a witness',
  },
  'evidence.export': {
    roles: [...LEADS, 'CISO', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'make a signed bundle of an incident with its evidence, for people outside; each export is on record',
  },
  'guard.pause': { roles: PAUSERS, humanOnly: true, says: 'pause everything that changes something outside' },
  'guard.resume': { roles: PAUSERS, humanOnly: true, says: 'let what is paused go on, together with another person' },
  'break-glass.declare': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'propose who may decide alone when nobody can be reached, confirm what another person proposes, or revoke it',
  },
  'break-glass.use': {
    roles: ROLES.filter((role) => role !== 'AUDITOR'),
    humanOnly: true,
    says: 'decide alone, where two people have declared it',
  },
  'break-glass.review': {
    roles: ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER'],
    humanOnly: true,
    says: 'say that one has looked at how somebody else decided alone',
  },
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
  'delegation.read': { roles: ROLES, humanOnly: false, says: 'see who may vote in whose place' },
  'delegation.own': {
    roles: ROLES,
    humanOnly: true,
    says: 'let another person vote in the own place for a time, and end what concerns oneself',
  },
  'oncall.read': { roles: ROLES, humanOnly: false, says: 'see who is on call when' },
  'oncall.write': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: 'say who is on call when: gates that name a schedule ask those people',
  },
  'inventory.read': { roles: ROLES, humanOnly: false, says: 'see which assets there are, and how much they matter' },
  'inventory.write': {
    roles: ['SECURITY_ADMIN', 'CISO', 'IR_LEAD'],
    humanOnly: false,
    says: 'replace the inventory of assets: the impact of incidents is read from it',
  },
  'deadline.read': { roles: ROLES, humanOnly: false, says: 'see regulatory clocks, and by which rules they count' },
  'deadline.write': {
    roles: CLOCK_KEEPERS,
    humanOnly: true,
    says: 'start regulatory clocks, say what happened, extend and pause them, and record what was handed in',
  },
  'deadline.configure': {
    roles: ['SECURITY_ADMIN', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'say which rules of regulatory clocks hold here, with their calendars, and who is reminded',
  },
  'breach-register.read': {
    roles: [...CLOCK_KEEPERS, 'CISO', 'AUDITOR'],
    humanOnly: false,
    says: 'read the register of personal-data breaches, and take it out as a file',
  },
  'breach-register.write': {
    roles: CLOCK_KEEPERS,
    humanOnly: true,
    says: 'write facts, effects and remedial action of a breach into the register',
  },
  'vendor.read': { roles: ROLES, humanOnly: false, says: 'see vendors, and who else an incident of one affects' },
  'vendor.write': {
    roles: ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'describe a vendor: its contract, its duties, what hangs on it, and who of us is told',
  },
  'vendor.escalate': {
    roles: [...RESPONDERS, 'CISO', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'start the escalation path of a vendor for an incident, and say that one has it',
  },
  'lawful-basis.read': { roles: ROLES, humanOnly: false, says: 'see by what right personal data are touched' },
  'lawful-basis.write': {
    roles: ['SECURITY_ADMIN', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'say by what right personal data are touched, and who decided it',
  },
  'task.read': { roles: ROLES, humanOnly: false, says: 'see the tasks that are for the own roles' },
  'task.work': {
    roles: ROLES.filter((role) => role !== 'AUDITOR'),
    humanOnly: true,
    says: 'open a task, and work on those that are for the own roles; whoever leads the response on all of them',
  },
  'notification.own': { roles: ROLES, humanOnly: true, says: 'see what one was told, and choose what to hear by mail' },
  'notification.manage': {
    roles: ['SECURITY_ADMIN', 'CISO', 'IR_LEAD'],
    humanOnly: true,
    says: 'see all messages, send again what was given up, and try a channel',
  },
  'contact.read': {
    roles: [...REGULATORY, 'INCIDENT_COMMANDER', 'IR_LEAD', 'AUDITOR'],
    humanOnly: false,
    says: 'see the regulatory contacts of the organisation',
  },
  'contact.write': {
    roles: ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER'],
    humanOnly: true,
    says: 'save a regulatory contact, verify one that another person saved, or end its use',
  },
  'draft.read': {
    roles: [...REGULATORY, 'INCIDENT_COMMANDER', 'IR_LEAD', 'AUDITOR'],
    humanOnly: false,
    says: 'see drafts of notifications to authorities, and what became of them',
  },
  'draft.write': {
    roles: [...REGULATORY, 'INCIDENT_COMMANDER', 'IR_LEAD'],
    humanOnly: true,
    says: 'make and edit such a draft, tell contacts of it, give them a code, and record what was submitted',
  },
  'draft.approve': {
    roles: REGULATORY,
    humanOnly: true,
    says: 'approve exactly the text that may be submitted to an authority; never an own one',
  },
  'erasure.read': {
    roles: ['SECURITY_ADMIN', 'CISO', 'COMPLIANCE_OFFICER', 'LEGAL', 'AUDITOR'],
    humanOnly: false,
    says: 'see who asked to be forgotten, and what that waits for',
  },
  'erasure.write': {
    roles: ['SECURITY_ADMIN', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'ask for the erasure of an account, agree to one that another person asked for, take it back',
  },
  'person.export': {
    roles: ['SECURITY_ADMIN', 'COMPLIANCE_OFFICER', 'LEGAL'],
    humanOnly: true,
    says: 'take out everything that is held on an account',
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
  'passkey.own': {
    roles: ROLES,
    humanOnly: true,
    says: 'list the own passkeys; register, rename and remove them, by the session of a browser only',
  },
  'key.own': { roles: ROLES, humanOnly: true, says: 'create, list and revoke the own API keys' },
  'key.manage': {
    roles: ['SECURITY_ADMIN', 'CISO'],
    humanOnly: true,
    says: "create, list and revoke other people's API keys, within the own roles",
  },
};

/**
 * True when one of `roles` may do `operation`; a service account never does what is for humans only.
 * @param grants what roles of the organisation among them allow (`UserInForce`); the table knows built-in roles only.
 */
export function rolesMay(
  roles: readonly RoleName[],
  kind: 'person' | 'service',
  operation: Operation,
  grants: readonly Operation[] = [],
): boolean {
  const rule = OPERATIONS[operation];
  if (rule.humanOnly && kind !== 'person') return false;
  return grants.includes(operation) || rule.roles.some((role) => roles.includes(role));
}
