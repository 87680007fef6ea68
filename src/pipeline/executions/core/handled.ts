import type { ExecutionState } from './state.ts';

/** Why a fan-out action of a follow-up had nobody to act on. */
export const ALREADY_HANDLED = 'already_handled';

/** Those of the accounts that neither an earlier execution of the playbook nor an earlier run of this one has acted on with this action. */
export function unhandled(state: ExecutionState, actionId: string, accounts: readonly string[]): readonly string[] {
  const { handled = {} } = state.snapshot;
  const before = Object.hasOwn(handled, actionId) ? handled[actionId] : [];
  const acted = new Set([...(before ?? []), ...handledAccounts(state, actionId)]);
  return accounts.filter((account) => !acted.has(account));
}

/** Accounts that a fan-out action has acted on: their child did its work, also where that was taken back since. */
export function handledAccounts(state: ExecutionState, actionId: string): readonly string[] {
  return Object.values(state.actions[actionId]?.children ?? {})
    .filter(({ status, isReleased }) => isDone(status) || isReleased === true)
    .map(({ account }) => account);
}

/**
 * The accounts that no child did the work for yet: all of them, or after a person's retry those that failed. Of those that were
 * prepared (and perhaps approved), not those that the incident has got since.
 */
export function accountsLeftOf(state: ExecutionState, actionId: string): readonly string[] {
  const done = new Set(handledAccounts(state, actionId));
  return (state.actions[actionId]?.accounts ?? []).filter((account) => !done.has(account));
}

/** Whether a child execution that ended so did what it was there for. */
export function isDone(status: string | null): boolean {
  return status === 'COMPLETED' || status === 'SKIPPED';
}

/** Whether a child execution says that it was taken back, or that it could not be. */
export function isUndone(status: string | null): boolean {
  return status === 'ROLLED_BACK' || status === 'COMPENSATION_FAILED';
}
