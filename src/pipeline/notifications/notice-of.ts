import type { Operation } from '../access/operations.ts';
import type { OnCall } from '../approvals/approval.ts';
import { combineGates } from '../approvals/gates.ts';
import { statusOf, type ActionState, type ApprovalState, type ExecutionState } from '../executions/core/state.ts';
import { planActionOf } from '../executions/core/transition.ts';
import { containedUntilOf } from '../executions/core/demands.ts';
import type { Tell } from '../executions/tells.ts';
import { WINDOW_MS } from '../guards/limiter.ts';
import type { Plan } from '../playbooks/plan.ts';
import type { RoleName } from '../vocabulary.ts';
import type { Notice } from './contract.ts';
import type { Way } from './routing.ts';

/** Who is told: those who may answer a request, those who might have, who runs the installation, or who may set something. */
export type Audience =
  | {
      readonly who: 'may-answer' | 'were-asked';
      readonly approval: ApprovalState;
      readonly playbookId: string;
      /** Who runs the installation is told as well: whoever was meant is not there. */
      readonly alsoOperators?: boolean;
    }
  | { readonly who: 'operators'; readonly requester: string | null }
  /** Those who were named, by a role or themselves; who runs the installation where there is nobody. */
  | { readonly who: 'named'; readonly roles: readonly RoleName[]; readonly userIds: readonly string[] }
  /** Those who may do something, but for people whom one of the accounts `without` belongs to. */
  | {
      readonly who: 'may';
      readonly operation: Operation;
      /** And who runs the installation. */
      readonly operators: boolean;
      readonly without: readonly string[];
    };

/** What people are told, whom, and over which channels; null: the usual ones. */
export interface Told {
  readonly notice: Notice;
  readonly audience: Audience;
  readonly channels: readonly string[] | null;
  /** What is told once, from however many entries; absent: each entry is told. */
  readonly once?: readonly string[];
  /** Ways to regulatory contacts, beside those to people. */
  readonly contacts?: readonly Way[];
}

/** Who is told when something failed, or nobody answered. */
export const OPERATOR_ROLES: readonly RoleName[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

/** Targets and failures that a notice names; the rest is counted. */
const MAX_NAMED = 5;
/** Longest value in a notice, in UTF-16 units: mail and chat are read on a phone. */
const MAX_VALUE_LENGTH = 300;

/**
 * What a queue entry asks to tell, from the execution as it stands. Null when there is nothing left to say: the request was
 * decided before anybody was asked.
 */
export function noticeOf(plan: Plan, state: ExecutionState, tell: Tell): Told | null {
  if (tell.kind === 'execution.left') return null;
  if (tell.kind === 'execution.failed') return failure(plan, state);
  if (tell.kind === 'containment.provisional') return standing(plan, state, tell.actionId);
  if (tell.kind === 'undo.failed') return stuck(plan, state, tell.actionId);
  const approval = Object.hasOwn(state.approvals, tell.approvalId) ? state.approvals[tell.approvalId] : undefined;
  if (approval === undefined) return null;
  const isOpen = approval.status === 'PENDING';
  if (tell.kind === 'approval.broken_glass') return alarm(plan, state, approval);
  const isEither = tell.kind === 'guard.limit_reached';
  if (!isEither && isOpen === (tell.kind === 'approval.decided')) return null;
  const about = { type: 'approval', id: approval.id } as const;
  const { id: approvalId, intentHash, expiresAt } = approval;
  const channels = channelsOf(approval);
  const facts = [...whatIsAsked(plan, state, approval), ...(isOpen ? howItIsAnswered(approval) : [])];
  const common = { severity: state.riskLevel, facts, about };
  const ask = isOpen ? { approvalId, executionId: state.id, intentHash, expiresAt } : null;
  const what = sentenceOf(plan, state, approval);
  const { playbookId } = plan;
  switch (tell.kind) {
    case 'approval.requested':
      return {
        notice: { ...common, kind: tell.kind, title: `Decision needed: ${what}`, lines: [WHY[approval.purpose]], ask },
        audience: { who: 'may-answer', approval, playbookId },
        channels,
      };
    case 'approval.reminder':
      return {
        notice: { ...common, kind: tell.kind, title: `Still undecided: ${what}`, lines: [REMINDER], ask },
        audience: { who: 'may-answer', approval, playbookId },
        channels,
      };
    case 'approval.escalated': {
      const step = approval.escalations?.[tell.step - 1];
      const to = step?.escalateTo ?? '';
      const { lines, isInVain } = whoIsThere(step?.onCall);
      return {
        notice: { ...common, kind: tell.kind, title: `Escalated to ${short(to)}: ${what}`, lines, ask },
        audience: { who: 'may-answer', approval, playbookId, alsoOperators: isInVain },
        channels,
      };
    }
    case 'approval.unanswerable':
      return {
        notice: { ...common, kind: tell.kind, title: `Too few can decide: ${what}`, lines: [UNANSWERABLE], ask: null },
        audience: { who: 'operators', requester: approval.requester },
        channels: null,
      };
    case 'guard.limit_reached': {
      // All executions of this hour reach the same limit: it is told once, when the first one does.
      const hour = Math.floor(approval.requestedAt / WINDOW_MS);
      const { type } = planActionOf(plan, approval.actionId).declaration;
      const title = `The limit of an hour for ${type} is reached`;
      return {
        notice: { ...common, kind: tell.kind, title, lines: [WHY.blast_radius], ask: null },
        audience: { who: 'operators', requester: null },
        channels: null,
        once: ['limit', type, String(hour)],
      };
    }
    case 'approval.decided':
      return {
        notice: { ...common, kind: tell.kind, title: `${approval.status}: ${what}`, lines: votesOf(approval), ask },
        audience: { who: 'were-asked', approval, playbookId },
        channels,
      };
    default:
      return tell;
  }
}

const WHY = {
  gate: 'Firebreak does nothing of this until it is approved. Any deny stops it.',
  question: 'The answer decides how Firebreak goes on.',
  blast_radius:
    'So much of this was done within the hour that a person has to look. It is not done until it is approved.',
  condition_error: 'The condition of this action could not be decided, so a person has to.',
} as const;
const REMINDER = 'Three quarters of the time to answer are over.';
const ESCALATED = 'Nobody has decided yet. Whoever it was escalated to may answer now, too.';

/** Who is on call by the schedules that a step opened, in sentences. */
function whoIsThere(onCall: OnCall = {}): { readonly lines: readonly string[]; readonly isInVain: boolean } {
  const schedules = Object.entries(onCall);
  const lines = schedules.map(([id, people]) =>
    short(people.length === 0 ? `Nobody is on call by ${id}.` : `On call by ${id}: ${people.join(', ')}.`),
  );
  return { lines: [ESCALATED, ...lines], isInVain: schedules.some(([, people]) => people.length === 0) };
}

const UNANSWERABLE =
  'The people who may answer are too few to decide it together, and there is nobody left to escalate it to. Give somebody a role that it needs, or change the policy.';

function failure(plan: Plan, state: ExecutionState): Told | null {
  if (state.ended === null) return null;
  const status = statusOf(state);
  const open = Object.values(state.actions).filter((action) => isOpenEnded(action));
  const named = open.slice(0, MAX_NAMED).map((action) => ({
    label: short(action.actionId),
    value: short(`${action.status}: ${action.error?.code ?? action.reason ?? 'no error was reported'}`),
  }));
  const rest = open.length > MAX_NAMED ? [{ label: 'More', value: `${open.length - MAX_NAMED} other actions` }] : [];
  return {
    notice: {
      kind: 'execution.failed',
      severity: state.riskLevel,
      title: `${status}: ${short(plan.name)} on ${short(state.snapshot.incident.subject.id)} needs a person`,
      lines: ['What did not succeed may still have to be contained or undone by hand.'],
      facts: [...whereItIs(plan, state), ...named, ...rest],
      about: { type: 'execution', id: state.id },
      ask: null,
    },
    audience: { who: 'operators', requester: state.requester.type === 'person' ? state.requester.id : null },
    channels: null,
  };
}

/** Said to all who run the installation, over everything that is configured: nobody chose to be spared this. */
function alarm(plan: Plan, state: ExecutionState, approval: ApprovalState): Told | null {
  const { brokenGlass } = approval;
  if (brokenGlass === undefined) return null;
  const { userId, reason, declarationId, version, useId, at } = brokenGlass;
  return {
    notice: {
      kind: 'approval.broken_glass',
      severity: 'CRITICAL',
      title: `BREAK-GLASS: ${short(userId)} alone approved ${sentenceOf(plan, state, approval)}`,
      lines: [short(reason), 'It stays on record for ever. Another person has to look at it and review it.'],
      facts: [
        { label: 'Used by', value: short(userId) },
        { label: 'At', value: new Date(at).toISOString() },
        { label: 'Declaration', value: short(`${declarationId}, version ${version}`) },
        { label: 'To be reviewed', value: short(useId) },
        ...whatIsAsked(plan, state, approval),
      ],
      about: { type: 'break-glass', id: approval.id },
      ask: null,
    },
    audience: { who: 'operators', requester: approval.requester },
    channels: null,
  };
}

/** It was contained before anybody was asked: the people whom the cell names say whether it stays. */
function standing(plan: Plan, state: ExecutionState, actionId: string): Told | null {
  const action = Object.hasOwn(state.actions, actionId) ? state.actions[actionId] : undefined;
  const planned = planActionOf(plan, actionId);
  const { declaration, provisional } = planned;
  if (action === undefined || provisional === undefined) return null;
  const until = containedUntilOf(planned, action);
  // Taken back meanwhile.
  if (until === null && action.status !== 'UNKNOWN' && declaration.reversibility === 'undo') return null;
  const target = short(action.target?.id ?? state.snapshot.incident.subject.id);
  const { cell, matrixVersion, roles } = provisional;
  // Of an action for many accounts all children stand for one decision.
  const whole = state.parent?.executionId ?? state.id;
  const path = `POST /api/incident-playbooks/executions/${whole}`;
  return {
    notice: {
      kind: 'containment.provisional',
      severity: state.riskLevel,
      title: `Keep it? ${declaration.type} of ${target} was done before anybody was asked`,
      lines: [PROVISIONAL],
      facts: [
        {
          label: 'Stands until',
          value: until === null ? 'the target ends it by itself' : new Date(until).toISOString(),
        },
        { label: 'To keep it', value: `${path}/actions/${short(actionId)}/extend` },
        { label: 'To end it now', value: `${path}/cancel with compensate` },
        {
          label: 'Rule',
          value: `low confidence, high impact: ${cell} of the decision matrix, version ${matrixVersion}`,
        },
        { label: 'Decided by', value: roles.join(', ') },
        ...whereItIs(plan, state),
      ],
      about: { type: 'execution', id: whole },
      ask: null,
    },
    audience: { who: 'named', roles: [...roles, ...OPERATOR_ROLES], userIds: [] },
    channels: null,
    once: ['provisional', whole, actionId, String(action.generation)],
  };
}

const PROVISIONAL =
  'Detection is not sure, and much is at stake. It is undone by itself at its time unless somebody keeps it, a day at once.';

/** A containment outlives its time: somebody is locked out whom nobody means to lock out any more. */
function stuck(plan: Plan, state: ExecutionState, actionId: string): Told | null {
  const action = Object.hasOwn(state.actions, actionId) ? state.actions[actionId] : undefined;
  // Undone by a person meanwhile.
  if (action?.status !== 'COMPENSATION_FAILED') return null;
  const { declaration } = planActionOf(plan, actionId);
  const target = short(action.target?.id ?? state.snapshot.incident.subject.id);
  return {
    notice: {
      kind: 'execution.failed',
      severity: state.riskLevel,
      title: `${declaration.type} of ${target} could not be taken back`,
      lines: [STUCK],
      facts: [
        { label: 'Action', value: short(actionId) },
        { label: 'Tries', value: String(action.undoAttempt) },
        { label: 'Why', value: short(action.reason ?? 'no error was reported') },
        ...whereItIs(plan, state),
      ],
      about: { type: 'execution', id: state.id },
      ask: null,
    },
    audience: { who: 'operators', requester: state.requester.type === 'person' ? state.requester.id : null },
    channels: null,
  };
}

const STUCK =
  'Its time is over, and the target does not let go of it. Look at the target, and take it back by hand or cancel the execution with compensate.';

function isOpenEnded({ status }: ActionState): boolean {
  return status === 'FAILED' || status === 'UNKNOWN' || status === 'TIMED_OUT' || status === 'COMPENSATION_FAILED';
}

function sentenceOf(plan: Plan, state: ExecutionState, approval: ApprovalState): string {
  const { declaration, question } = planActionOf(plan, approval.actionId);
  if (approval.purpose === 'question' && question !== null) return short(question.text);
  return `${declaration.type} of ${targetsOf(state, approval)}`;
}

function whatIsAsked(plan: Plan, state: ExecutionState, approval: ApprovalState): Notice['facts'] {
  const { declaration } = planActionOf(plan, approval.actionId);
  return [
    { label: 'Action', value: declaration.type },
    { label: 'Target', value: targetsOf(state, approval) },
    { label: 'Can be taken back', value: TAKEN_BACK[declaration.reversibility] },
    ...whereItIs(plan, state),
  ];
}

const TAKEN_BACK = {
  undo: 'yes, Firebreak can undo it',
  expires: 'it ends by itself',
  selfRecoverable: 'the user recovers from it, nothing is lost',
  irreversible: 'no',
} as const;

function whereItIs(plan: Plan, state: ExecutionState): Notice['facts'] {
  return [
    { label: 'Risk', value: state.riskLevel },
    { label: 'Playbook', value: short(`${plan.name}, version ${plan.playbookVersion}`) },
    { label: 'Incident', value: short(state.snapshot.incident.id) },
    { label: 'Execution', value: short(state.id) },
  ];
}

function howItIsAnswered({
  requirements,
  requiredApprovers,
  services = [],
  expiresAt,
  purpose,
  gates,
}: ApprovalState): Notice['facts'] {
  const places = requirements.map(({ k, roles, services: others = [] }) =>
    [`${k} × ${roles.join(' or ')}`, ...others.map((service) => `the service ${service}`)].join(' or '),
  );
  const heard = services.map(({ name, mustAnswer }) => (mustAnswer ? `${name}, which has to be heard` : name));
  const silence = gates.length > 0 ? combineGates(gates).fallbackBehavior : 'DENY_ACTION';
  return [
    { label: 'Needs', value: short(`${requiredApprovers} different people: ${places.join(', ')}`) },
    ...(heard.length === 0 ? [] : [{ label: 'Services asked', value: short(heard.join('; ')) }]),
    { label: 'Answer until', value: new Date(expiresAt).toISOString() },
    { label: 'If nobody answers', value: purpose === 'question' ? 'it counts as expired' : SILENCE[silence] },
  ];
}

const SILENCE = {
  DENY_ACTION: 'it is not done',
  ESCALATE_TO_HUMAN: 'it is not done, and the operators are told',
  ALLOW_ACTION: 'it is done',
} as const;

function votesOf({ votes, services = [], status }: ApprovalState): readonly string[] {
  const heard = services.flatMap(({ name, reply }) => {
    if (reply === undefined) return [];
    return [
      short(`Service ${name}: ${reply.answer === 'none' ? `no answer (${reply.why ?? 'unknown'})` : reply.answer}`),
    ];
  });
  if (votes.length + heard.length === 0)
    return [status === 'EXPIRED' ? 'Nobody answered in time.' : 'No vote decided it.'];
  const cast = votes.map(({ decision, userId, onBehalfOf, comment }) => {
    const who = onBehalfOf === undefined ? userId : `${userId} for ${onBehalfOf.userId}`;
    return short(`${decision} by ${who}${comment === null ? '' : `: ${comment}`}`);
  });
  return [...cast, ...heard];
}

function targetsOf(state: ExecutionState, { actionId }: ApprovalState): string {
  const action = state.actions[actionId];
  const accounts = action?.accounts ?? [];
  const all = accounts.length > 0 ? accounts : [action?.target?.id ?? state.snapshot.incident.subject.id];
  const rest = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : '';
  return `${short(all.slice(0, MAX_NAMED).join(', '))}${rest}`;
}

/** Channels that the gates name; null where none does. */
function channelsOf({ gates }: ApprovalState): readonly string[] | null {
  const named = gates.flatMap(({ channels = [] }) => channels);
  return named.length === 0 ? null : [...new Set(named)].sort();
}

/** At most `MAX_VALUE_LENGTH` of a text. */
export function short(value: string): string {
  return value.length <= MAX_VALUE_LENGTH ? value : `${value.slice(0, MAX_VALUE_LENGTH - 1)}…`;
}
