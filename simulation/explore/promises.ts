import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import type { ActionState } from '../../src/pipeline/executions/core/state.ts';
import { CONTAINED } from '../world/cells.ts';
import { owed, timers } from './engine.ts';
import { ACTION, nameOf, type Setting } from './setting.ts';
import type { World } from './state.ts';
import type { Step } from './steps.ts';

/** A promise that was broken. */
export interface Broken {
  readonly rule: string;
  readonly what: string;
}

type Claim = 'sure' | 'unsure' | 'none';

/** Whether an action says that its target is contained by it, or through a hold that it shares. */
function claimOf(action: ActionState | undefined): Claim {
  switch (action?.status) {
    case 'SUCCESS':
      return 'sure';
    case 'SKIPPED':
      return action.reason === 'already_held' ? 'sure' : 'none';
    case 'UNKNOWN':
    case 'COMPENSATION_FAILED':
      return 'unsure';
    default:
      return 'none';
  }
}

/** Statuses of an action whose hold has a row, as soon as it knows what was before. */
const ROWS: ReadonlySet<string | null> = new Set([null, 'SUCCESS', 'UNKNOWN', 'COMPENSATION_FAILED']);
const UNDONE: ReadonlySet<string | null> = new Set(['COMPENSATED', 'NOT_NEEDED', 'SUPERSEDED']);

/** What must hold at every moment. */
export function brokenIn(world: World): Broken | null {
  for (const [index, state] of world.executions.entries()) {
    const action = state.actions[ACTION];
    if (action === undefined) continue;
    const name = nameOf(index);
    const keeps = action.phase === 'settled' && claimOf(action) === 'sure';
    if (keeps && world.cell.value !== CONTAINED)
      return { rule: 'holds', what: `${name} says that it holds the target, which is ${world.cell.value}` };
    const row = world.holds.find(({ id }) => id === `${state.id}|${ACTION}`);
    const shared = action.status === 'SKIPPED' && action.reason === 'already_held';
    const wants = action.prior !== null && (ROWS.has(action.status) || shared);
    if (wants !== (row !== undefined))
      return {
        rule: 'rows',
        what: `${name} is ${action.phase}, ${action.status}, and its hold has ${row ? 'a' : 'no'} row`,
      };
  }
  return null;
}

/** What must not happen on the way from one moment to the next. */
export function brokenBy(before: World, { effect, sent }: Step, { idempotency }: Setting): Broken | null {
  if (effect !== null) {
    const { execution, call } = effect;
    const action = before.executions[execution]?.actions[ACTION];
    const what = `the ${call.kind} of ${nameOf(execution)} takes effect after`;
    const current = call.kind === 'undo' || action?.key === call.key;
    if (action?.phase === 'settled' && current) {
      if (UNDONE.has(action.status)) return { rule: 'stragglers', what: `${what} it was ${action.status}` };
      if (call.kind === 'perform' && action.status === 'FAILED')
        return { rule: 'stragglers', what: `${what} it was said to have failed` };
    }
  }
  if (sent !== null && sent.asks.port === 'write' && sent.asks.call.kind === 'undo' && idempotency !== 'native-key') {
    const lands = before.writes.some(({ execution, call }) => execution === sent.execution && call.kind === 'perform');
    if (lands) return { rule: 'stragglers', what: `${nameOf(sent.execution)} undoes what may still land` };
  }
  return null;
}

/** Nothing is owed, nothing is due, nothing is under way. */
export function isAtRest(plan: Plan, world: World): boolean {
  const quiet = world.jobs.length + world.inherited.length + world.writes.length === 0;
  return quiet && timers(plan, world).length === 0 && world.executions.every((state) => owed(plan, state).length === 0);
}

/** What must hold when the world has come to rest. */
export function brokenAtRest(world: World, { original }: Setting): Broken | null {
  for (const [index, { ended }] of world.executions.entries())
    if (ended === null) return { rule: 'stuck', what: `${nameOf(index)} has not ended, and nothing will happen` };
  // Nobody else has ever touched the target: only who contained it before all of them is an excuse.
  const excuse = world.executions.findIndex((state) => state.actions[ACTION]?.status === 'SUPERSEDED');
  if (excuse >= 0 && original === 'open')
    return { rule: 'excuse', what: `${nameOf(excuse)} says that somebody else has changed the target` };
  const claims = world.executions.map((state) => claimOf(state.actions[ACTION]));
  if (claims.every((claim) => claim === 'none') && world.cell.value !== original)
    return { rule: 'left', what: `the target is left ${world.cell.value} although nobody holds it` };
  return null;
}

/** How an execution stands, in a word: what was reached at all is part of what an exploration says. */
export function endOf(world: World): string {
  return world.executions
    .map((state) => {
      const { status = null, reason = null } = state.actions[ACTION] ?? {};
      return reason === 'already_held' || reason === 'held_by_another_execution'
        ? `${status} (${reason})`
        : `${status}`;
    })
    .join(', ');
}
