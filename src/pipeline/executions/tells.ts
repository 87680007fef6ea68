import type { Fact } from './core/facts.ts';
import type { Plan } from '../playbooks/plan.ts';
import { TELL_PREFIX } from '../tell-of-record.ts';
import { statusOf, type ExecutionState } from './core/state.ts';

/** What people are told of an execution: which of its facts are news for them, and what their queue entries are called. */

/** What people are told. */
export type Tell =
  | {
      readonly kind:
        | 'approval.requested'
        | 'approval.reminder'
        | 'approval.unanswerable'
        | 'approval.decided'
        | 'guard.limit_reached';
      readonly approvalId: string;
    }
  | { readonly kind: 'approval.broken_glass'; readonly approvalId: string }
  | { readonly kind: 'approval.escalated'; readonly approvalId: string; readonly step: number }
  | { readonly kind: 'execution.failed'; readonly end: number }
  /** It was contained before anybody was asked; people keep it or end it. */
  | { readonly kind: 'containment.provisional'; readonly actionId: string; readonly generation: number }
  /** A containment whose time is over could not be taken back. */
  | { readonly kind: 'undo.failed'; readonly actionId: string; readonly tries: number }
  /** What it leaves for people may be another than before: nobody is told of it by itself. `actionId` empty: it ended. */
  | { readonly kind: 'execution.left'; readonly actionId: string; readonly times: number };

/** Whether a queue entry asks to tell people something. */
export function isTell(name: string): boolean {
  return name.startsWith(TELL_PREFIX);
}

/** The name of a tell's queue entry: the same thing is told once. */
export function tellName(tell: Tell): string {
  switch (tell.kind) {
    case 'approval.escalated':
      return `${TELL_PREFIX}${tell.kind}:${tell.step}:${tell.approvalId}`;
    case 'execution.failed':
      return `${TELL_PREFIX}${tell.kind}:${tell.end}`;
    case 'containment.provisional':
      return `${TELL_PREFIX}${tell.kind}:${tell.generation}:${tell.actionId}`;
    case 'undo.failed':
      return `${TELL_PREFIX}${tell.kind}:${tell.tries}:${tell.actionId}`;
    case 'execution.left':
      return `${TELL_PREFIX}${tell.kind}:${tell.times}:${tell.actionId}`;
    default:
      return `${TELL_PREFIX}${tell.kind}:${tell.approvalId}`;
  }
}

/** What a queue entry asks to tell; null for one that this version does not know. */
export function tellOf(name: string): Tell | null {
  const [prefix, kind = '', first = '', ...rest] = name.split(':');
  const [second = ''] = rest;
  if (`${prefix}:` !== TELL_PREFIX || first === '') return null;
  switch (kind) {
    case 'approval.requested':
    case 'approval.reminder':
    case 'approval.unanswerable':
    case 'approval.broken_glass':
    case 'approval.decided':
    case 'guard.limit_reached':
      return { kind, approvalId: first };
    case 'approval.escalated':
      return { kind, approvalId: second, step: Number(first) };
    case 'execution.failed':
      return { kind, end: Number(first) };
    case 'containment.provisional':
      return { kind, generation: Number(first), actionId: rest.join(':') };
    case 'undo.failed':
      return { kind, tries: Number(first), actionId: rest.join(':') };
    case 'execution.left':
      return { kind, times: Number(first), actionId: rest.join(':') };
    default:
      return null;
  }
}

/**
 * What people have to be told because of these facts, the last of which led to `after`.
 * @param provisional the actions that run before anybody is asked, by id.
 */
export function tellsOf(
  after: ExecutionState,
  facts: readonly Fact[],
  provisional: ReadonlySet<string> = NOTHING_PROVISIONAL,
): readonly Tell[] {
  const requested = new Set(facts.flatMap((fact) => (fact.type === 'approval.requested' ? [fact.approval.id] : [])));
  const decided = new Set(facts.flatMap((fact) => (fact.type === 'approval.decided' ? [fact.approvalId] : [])));
  return facts.flatMap((fact): readonly Tell[] => {
    switch (fact.type) {
      case 'approval.requested':
        return decided.has(fact.approval.id) ? [] : requestTells(fact);
      case 'approval.reminded':
        return decided.has(fact.approvalId) ? [] : [{ kind: 'approval.reminder', approvalId: fact.approvalId }];
      case 'approval.escalated': {
        const steps = after.approvals[fact.approvalId]?.escalations ?? [];
        const step = steps.findLastIndex((each) => isSameStep(each, fact));
        return decided.has(fact.approvalId)
          ? []
          : [{ kind: 'approval.escalated', approvalId: fact.approvalId, step: step + 1 }];
      }
      case 'approval.unanswerable': {
        // As long as it can be escalated, that is the news.
        const isEscalated = facts.some(
          (each) => each.type === 'approval.escalated' && each.approvalId === fact.approvalId,
        );
        return isEscalated || decided.has(fact.approvalId)
          ? []
          : [{ kind: 'approval.unanswerable', approvalId: fact.approvalId }];
      }
      case 'approval.broken_glass':
        return [{ kind: 'approval.broken_glass', approvalId: fact.approvalId }];
      case 'approval.decided':
        // Where conditions answered at once nobody was asked.
        return requested.has(fact.approvalId) ? [] : [{ kind: 'approval.decided', approvalId: fact.approvalId }];
      case 'undo.settled': {
        const tries = after.actions[fact.actionId]?.undoAttempt ?? 0;
        // Of what is rolled back the end of the execution is the news.
        const isToldAtEnd = after.compensation !== null || facts.some(isFailedRollback);
        if (isToldAtEnd) return [];
        if (fact.status === 'COMPENSATION_FAILED') return [{ kind: 'undo.failed', actionId: fact.actionId, tries }];
        // It was to be taken back by a person before, or is now.
        const isLeft = fact.status === 'SUPERSEDED' || tries > 1;
        return isLeft && after.parent === null
          ? [{ kind: 'execution.left', actionId: fact.actionId, times: tries }]
          : [];
      }
      case 'action.settled': {
        const { generation = 1 } = after.actions[fact.actionId] ?? {};
        const stands = fact.status === 'SUCCESS' || fact.status === 'UNKNOWN';
        return stands && provisional.has(fact.actionId)
          ? [{ kind: 'containment.provisional', actionId: fact.actionId, generation }]
          : [];
      }
      case 'execution.ended':
        if (after.ended === null || after.parent !== null) return [];
        if (needsPeople(after)) return [{ kind: 'execution.failed', end: after.ends }];
        return leavesOtherwise(after) ? [{ kind: 'execution.left', actionId: '', times: after.ends }] : [];
      default:
        return [];
    }
  });
}

const NOTHING_PROVISIONAL: ReadonlySet<string> = new Set();

/** The actions of a plan that run before anybody is asked. */
export function provisionalIn(plan: Plan): ReadonlySet<string> {
  return new Set(
    plan.stages.flatMap(({ actions }) =>
      actions.flatMap(({ actionId, provisional, forEach }) =>
        // Of an action for many accounts each child tells what it did; the notice is one.
        provisional === undefined || forEach !== null ? [] : [actionId],
      ),
    ),
  );
}

type Step = Pick<Extract<Fact, { readonly type: 'approval.escalated' }>, 'delayMs' | 'level' | 'escalateTo'>;

/** All three say which: gates that are combined may escalate at the same time to different people. */
function isSameStep(one: Step, other: Step): boolean {
  return one.delayMs === other.delayMs && one.level === other.level && one.escalateTo === other.escalateTo;
}

type Requested = Extract<Fact, { readonly type: 'approval.requested' }>;

/** Who runs the installation hears of a full hour beside those who are asked. */
function requestTells({ approval: { id: approvalId }, purpose }: Requested): readonly Tell[] {
  const requested: Tell = { kind: 'approval.requested', approvalId };
  return purpose === 'blast_radius' ? [requested, { kind: 'guard.limit_reached', approvalId }] : [requested];
}

function isFailedRollback(fact: Fact): boolean {
  return fact.type === 'execution.ended' && fact.status === 'COMPENSATION_FAILED';
}

/** Whether an end may close what an earlier one left for people, or leaves what no notice tells. */
function leavesOtherwise({ ends, actions }: ExecutionState): boolean {
  return ends > 1 || Object.values(actions).some(({ status }) => status === 'SUPERSEDED');
}

/** Whether somebody has to look at what ended: it failed, or nobody knows what it did. A child's end is its parent's news. */
function needsPeople(state: ExecutionState): boolean {
  const status = statusOf(state);
  const isUnknown = Object.values(state.actions).some((action) => action.status === 'UNKNOWN');
  return status === 'FAILED' || status === 'COMPENSATION_FAILED' || isUnknown;
}
