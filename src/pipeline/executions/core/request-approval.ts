import { invariant } from '../../../platform/errors.ts';
import { intentHash } from '../../approvals/intent.ts';
import { answerAutomatically, mayApproveAutomatically, type AutomaticAnswer } from '../../approvals/automatic.ts';
import { onlyPeople, servicesOf, type AskedService } from '../../approvals/external-approver.ts';
import { combineGates } from '../../approvals/gates.ts';
import { onCallForUsers, withPeopleOnCall } from '../../approvals/on-call-places.ts';
import { blastRadiusGate } from '../../playbooks/floors.ts';
import type { PlanAction, PlanGate, Requirement } from '../../playbooks/plan.ts';
import type { ActionTarget, JsonObject } from '../../actions/contract.ts';
import { settle } from './settle.ts';
import type { ApprovalState } from './state.ts';
import { approvalIdOf, type Transition } from './transition.ts';

/** Who decides when a condition cannot be decided: any one person who runs incidents. */
const CONDITION_ERROR_REQUIREMENT: Requirement = {
  roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'SECURITY_ANALYST'],
  k: 1,
  human: true,
};
/** How long a person has for that, in ms: the seeds' approval timeout. */
const CONDITION_ERROR_TIMEOUT_MS = 3_600_000;

interface Terms {
  readonly purpose: ApprovalState['purpose'];
  readonly gates: readonly PlanGate[];
  readonly requirements: readonly Requirement[];
  readonly requiredApprovers: number;
  readonly timeoutMs: number;
  readonly question: string | null;
  readonly escalationPath: PlanGate['escalationPath'];
  readonly automatic?: readonly AutomaticAnswer[];
  readonly requirePasskey?: boolean;
  readonly services?: readonly AskedService[];
}

/** A request that conditions and exemptions decide. */
export interface AnsweredGate {
  readonly approval: ApprovalState;
  readonly status: 'APPROVED' | 'DENIED';
  readonly fallback: 'auto_approved' | 'auto_denied' | 'exempted';
}

/** What people are asked to allow. */
export interface Asked {
  readonly gates: readonly PlanGate[];
  readonly targets: readonly ActionTarget[];
  readonly parameters: JsonObject;
}

/**
 * Asks whether the action may be done: all matching gates as one request with the strictest of each. Answers with what their
 * conditions and exemptions decided in place of people, or null: then people are asked.
 */
export function requestGate(t: Transition, plan: PlanAction, asked: Asked): AnsweredGate | null {
  const { targets, parameters } = asked;
  const { incident, event, context, user } = t.state.snapshot;
  const values = { incident, event, context, user, results: {} };
  const { revoked = [], at } = t.input;
  const circumstances = { at, targets, ...requesterOf(t), subjectIds: subjectIdsOf(t), revoked };
  const mayApprove = mayApproveAutomatically(t.plan, plan.declaration, targets);
  const { asks, answers, denied } = answerAutomatically(asked.gates, values, mayApprove, circumstances);
  const isAnswered = denied || asks.length === 0;
  const gates = isAnswered ? asked.gates : asks;
  const combined = combineGates(gates);
  // Where no condition may stand in for a person no service may: it is heard, and people decide.
  const requirements = mayApprove ? combined.requirements : onlyPeople(combined.requirements);
  const services = isAnswered ? [] : servicesOf(gates, requirements);
  const asking = { ...combined, requirements, services };
  const terms: Terms = { ...asking, purpose: 'gate', gates, question: null, automatic: answers };
  const approval = request(t, plan, terms, targets, parameters);
  if (!isAnswered) return null;
  if (denied) return { approval, status: 'DENIED', fallback: 'auto_denied' };
  const isExempted = answers.some((answer) => 'exemption' in answer);
  return { approval, status: 'APPROVED', fallback: isExempted ? 'exempted' : 'auto_approved' };
}

/** Asks a person because so much of the kind was done within the hour: neither a condition nor silence allows it. */
export function requestBlastRadius(t: Transition, plan: PlanAction): void {
  const { target, parameters, accounts } = t.action(plan.actionId);
  const one = target === null ? [] : [target];
  const targets = plan.forEach === null ? one : accounts.map((id): ActionTarget => ({ type: 'user', id }));
  const gates = [blastRadiusGate(t.plan.playbookVersion)];
  const terms: Terms = { ...combineGates(gates), purpose: 'blast_radius', gates, question: null };
  request(t, plan, terms, targets, parameters ?? {});
}

/** Asks a person because the condition could not be decided: an error never means "allow". */
export function requestConditionDecision(
  t: Transition,
  plan: PlanAction,
  error: string,
  { gates, targets, parameters }: Asked,
): void {
  const terms: Terms = {
    purpose: 'condition_error',
    gates,
    requirements: [CONDITION_ERROR_REQUIREMENT],
    requiredApprovers: 1,
    timeoutMs: CONDITION_ERROR_TIMEOUT_MS,
    question: `The condition could not be decided (${error}). Shall the action be done?`,
    escalationPath: [],
  };
  if (gates.length === 0) return void request(t, plan, terms, targets, parameters);
  // The gates ask for at least as much as the error does, so their terms stand and the question is added, to people.
  const combined = combineGates(gates);
  const requirements = onlyPeople(combined.requirements);
  const services = servicesOf(gates, requirements);
  request(t, plan, { ...terms, ...combined, requirements, services }, targets, parameters);
}

/** Asks people a question whose answer is the action's outcome. */
export function requestQuestion(t: Transition, plan: PlanAction): void {
  const { question } = plan;
  const action = t.action(plan.actionId);
  if (question === null || action.target === null) return settle(t, plan, 'SUCCESS', null);
  const { requirements, requiredApprovers, timeoutMs, text } = question;
  const asked = { requirements, requiredApprovers, timeoutMs, question: text };
  const terms: Terms = { ...asked, purpose: 'question', gates: [], escalationPath: [] };
  request(t, plan, terms, [action.target], action.parameters ?? {});
}

function requesterOf({ state }: Transition): Pick<ApprovalState, 'requester' | 'keyMaker'> {
  const { type, id, issuedBy } = state.requester;
  const requester = type === 'engine' ? 'engine' : id;
  return issuedBy === undefined ? { requester } : { requester, keyMaker: issuedBy };
}

function subjectIdsOf({ state: { snapshot } }: Transition): readonly string[] {
  return [...new Set([snapshot.incident.subject.id, ...snapshot.accounts])];
}

function request(
  t: Transition,
  plan: PlanAction,
  terms: Terms,
  targets: readonly ActionTarget[],
  parameters: JsonObject,
): ApprovalState {
  const { actionId, declaration } = plan;
  const { state } = t;
  const expiresAt = t.input.at + terms.timeoutMs;
  const { escalationPath, automatic = [], requirePasskey = false, services = [] } = terms;
  const { onCall = {} } = t.input;
  const named = onCallForUsers(terms.requirements, onCall);
  const approvalId = approvalIdOf(state, t.action(actionId), terms.purpose);
  t.add({
    type: 'approval.requested',
    actionId,
    purpose: terms.purpose,
    approval: {
      id: approvalId,
      intentHash: intentHash({
        executionId: state.id,
        playbookId: t.plan.playbookId,
        playbookVersion: t.plan.playbookVersion,
        actions: [{ actionId, actionType: declaration.type, connector: declaration.connector, targets, parameters }],
        gates: terms.gates,
        question: terms.question,
        expiresAt,
      }),
      gates: terms.gates,
      requirements: withPeopleOnCall(terms.requirements, onCall),
      ...(named === null ? {} : { onCall: named }),
      requiredApprovers: terms.requiredApprovers,
      ...requesterOf(t),
      subjectIds: subjectIdsOf(t),
      authorIds: state.authorIds,
      ...(escalationPath.length === 0 ? {} : { escalationPath }),
      ...(automatic.length === 0 ? {} : { automatic }),
      ...(requirePasskey ? { requirePasskey } : {}),
      votes: [],
      ...(services.length === 0 ? {} : { services }),
      expiresAt,
      status: 'PENDING',
    },
  });
  const approval = t.state.approvals[approvalId];
  invariant(approval !== undefined, 'what was requested is there');
  return approval;
}
