import { placesOf, stepsOf } from '../../../src/pipeline/approvals/places.ts';
import type { PolicyGate } from '../../../src/pipeline/approvals/policy.ts';
import { decide } from '../../../src/pipeline/executions/core/decide.ts';
import type { StartInput } from '../../../src/pipeline/executions/core/inputs.ts';
import type { ApprovalState, ExecutionState } from '../../../src/pipeline/executions/core/state.ts';
import type { Plan } from '../../../src/pipeline/playbooks/plan.ts';
import { ROLES } from '../../../src/pipeline/vocabulary.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../support/plans.ts';
import type { Case } from './case.ts';

/** The request that a case is about, as the product makes it: an execution whose only action waits for people. */

export const TIMEOUT_MS = 3_600_000;
export const ESCALATION_MS = 600_000;

/** When the clock of a case stands, in ms from the request. */
export const MOMENTS = { escalation: ESCALATION_MS, 'last moment': TIMEOUT_MS - 1, end: TIMEOUT_MS } as const;

/** @param idOf the user id of an account of the matrix. */
export function planFor(given: Case, idOf: (login: string) => string, version = 2): Plan {
  const { roles, k, named, standIn } = given.gate;
  const users = named === null ? {} : { users: named.map(idOf) };
  const escalateTo = ROLES.some((role) => role === standIn) || standIn === null ? standIn : idOf(standIn);
  const asked = {
    approvalRoles: ROLES.filter((role) => roles.includes(role)).map((role) => ({ role, ...users })),
    requiredApprovers: k,
    approvalTimeoutMs: TIMEOUT_MS,
    escalationPath: escalateTo === null ? [] : [{ escalationLevel: 1, delayMs: ESCALATION_MS, escalateTo }],
  } as unknown as PolicyGate; // what of it makes places
  const planGate = gate({
    source: 'policy_matrix',
    requirements: placesOf(asked),
    requiredApprovers: given.gate.total ?? k,
    timeoutMs: TIMEOUT_MS,
    escalationPath: stepsOf(asked),
  });
  const flaw = given.glass?.flaw;
  const lasting = flaw === 'irreversible' ? { declaration: declaration({ reversibility: 'irreversible' }) } : {};
  const plan = planOf([planAction('a', { gates: [planGate], ...lasting })]);
  const isProtected = flaw === 'protected' ? { protectedIdentities: ['alice@example.test'] } : {};
  return { ...plan, ...isProtected, playbookVersion: version };
}

/** @param idOf as above; a person is the requester and the author with their first account, the subject by its address. */
export function startFor(given: Case, executionId: string, journalId: string, idOf: (login: string) => string) {
  const start = startOf(executionId, journalId);
  const { snapshot } = start;
  const subject = { type: 'user', id: given.subject === null ? 'alice@example.test' : addressOf(given.subject) };
  return {
    ...start,
    authorIds: given.author === null ? [] : [idOf(given.author)],
    requester: given.requester === null ? start.requester : ({ type: 'person', id: idOf(given.requester) } as const),
    snapshot: { ...snapshot, incident: { ...snapshot.incident, subject } },
  } satisfies Omit<StartInput, 'at' | 'type' | 'planHash'>;
}

export const addressOf = (login: string): string => `${login.replace('/', '_')}@soc.example`;

/** The one approval of an execution. */
export function approvalOf(state: ExecutionState): ApprovalState {
  const [approval] = Object.values(state.approvals);
  if (approval === undefined) throw new Error('nothing was asked');
  return approval;
}

/** What somebody saw who looked at the same request while the playbook was one version older. */
export function olderIntent(
  given: Case,
  start: Omit<StartInput, 'at' | 'type' | 'planHash'>,
  at: number,
  idOf: (login: string) => string,
): string {
  const input: StartInput = { ...start, at, type: 'start', planHash: 'older' };
  return approvalOf(decide(planFor(given, idOf, 1), null, input).state).intentHash;
}

/** What an execution came to: whether it was approved, and that it began if and only if it was. */
export function statusOf(state: ExecutionState): string {
  const { status, actionId } = approvalOf(state);
  const began = (state.actions[actionId]?.attempt ?? 0) > 0;
  return began === (status === 'APPROVED') ? status : `${status}, and ${began ? 'begun' : 'not begun'}`;
}
