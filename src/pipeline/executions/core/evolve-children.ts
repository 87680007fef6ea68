import { invariant } from '../../../platform/errors.ts';
import type { Fact } from './facts.ts';
import { isDone, isUndone } from './handled.ts';
import type { Input } from './inputs.ts';
import type { ActionState, Child } from './state.ts';

export type ChildrenFact = Extract<Fact, { type: 'children.started' | 'children.spawned' | 'child.settled' }>;

/** An action for each account after one fact about its children. */
export function withChildren(action: ActionState, fact: ChildrenFact, input: Input): ActionState {
  const { children } = action;
  switch (fact.type) {
    case 'children.started': {
      const fresh = fact.children.map(({ id, account }) => [id, { account, status: null }] as const);
      const all = { ...children, ...Object.fromEntries(fresh) };
      return { ...action, phase: 'spawning', attempt: 1, attemptAt: input.at, children: all };
    }
    case 'children.spawned':
      return { ...action, phase: 'children' };
    case 'child.settled': {
      invariant(input.type === 'child', 'child.settled belongs to a child');
      const child = children[input.childId];
      invariant(child !== undefined, `no child ${input.childId}`);
      const containedAt = Math.max(action.containedAt ?? 0, input.containedAt ?? 0);
      return {
        ...action,
        children: { ...children, [input.childId]: childAfter(child, input.status) },
        containedAt: containedAt === 0 ? null : containedAt,
      };
    }
    default:
      return fact;
  }
}

function childAfter(child: Child, status: string): Child {
  const wasDone = isDone(child.status) || child.isReleased === true;
  return { account: child.account, status, ...(wasDone && isUndone(status) ? { isReleased: true } : {}) };
}
