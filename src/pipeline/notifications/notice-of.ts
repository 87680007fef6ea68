import type { OnCall } from '../approvals/approval.ts';
import { combineGates } from '../approvals/gates.ts';
import { statusOf, type ActionState, type ApprovalState, type ExecutionState } from '../executions/core/state.ts';
import { planActionOf } from '../executions/core/transition.ts';
import type { Tell } from '../executions/tells.ts';
import type { Plan } from '../playbooks/plan.ts';
import type { Notice } from './contract.ts';

/** Who is told: those who may answer a request, those who might have, or who runs the installation. */
export type Audience =
  | {
      readonly who: 'may-answer' | 'were-asked';
      readonly approval: ApprovalState;
      readonly playbookId: string;
      /** Who runs the installation is told as well: whoever was meant is not there. */
      readonly alsoOperators?: boolean;
    }
  | { readonly who: 'operators'; readonly requester: string | null };

/** What people are told, whom, and over which channels; null: the usual ones. */
export interface Told {
  readonly notice: Notice;
  readonly audience: Audience;
  readonly channels: readonly string[] | null;
}

/** Targets and failures that a notice names; the rest is counted. */
const MAX_NAMED = 5;
/** Longest value in a notice, in UTF-16 units: mail and chat are read on a phone. */
const MAX_VALUE_LENGTH = 300;

/**
 * What a queue entry asks to tell, from the execution as it stands. Null when there is nothing left to say: the request was
 * decided before anybody was asked.
 */
export function noticeOf(plan: Plan, state: ExecutionState, tell: Tell): Told | null {
  if (tell.kind === 'execution.failed') return failure(plan, state);
  const approval = Object.hasOwn(state.approvals, tell.approvalId) ? state.approvals[tell.approvalId] : undefined;
  if (approval === undefined) return null;
  const isOpen = approval.status === 'PENDING';
  if (isOpen === (tell.kind === 'approval.decided')) return null;
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
  expiresAt,
  purpose,
  gates,
}: ApprovalState): Notice['facts'] {
  const places = requirements.map(({ k, roles }) => `${k} × ${roles.join(' or ')}`);
  const silence = gates.length > 0 ? combineGates(gates).fallbackBehavior : 'DENY_ACTION';
  return [
    { label: 'Needs', value: short(`${requiredApprovers} different people: ${places.join(', ')}`) },
    { label: 'Answer until', value: new Date(expiresAt).toISOString() },
    { label: 'If nobody answers', value: purpose === 'question' ? 'it counts as expired' : SILENCE[silence] },
  ];
}

const SILENCE = {
  DENY_ACTION: 'it is not done',
  ESCALATE_TO_HUMAN: 'it is not done, and the operators are told',
  ALLOW_ACTION: 'it is done',
} as const;

function votesOf({ votes, status }: ApprovalState): readonly string[] {
  if (votes.length === 0) return [status === 'EXPIRED' ? 'Nobody answered in time.' : 'No vote decided it.'];
  return votes.map(({ decision, userId, onBehalfOf, comment }) => {
    const who = onBehalfOf === undefined ? userId : `${userId} for ${onBehalfOf.userId}`;
    return short(`${decision} by ${who}${comment === null ? '' : `: ${comment}`}`);
  });
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

function short(value: string): string {
  return value.length <= MAX_VALUE_LENGTH ? value : `${value.slice(0, MAX_VALUE_LENGTH - 1)}…`;
}
