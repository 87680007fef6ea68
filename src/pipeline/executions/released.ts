import type { StoredView } from '../../journal/journal.ts';
import { ConnectorError, type ActionDeclaration } from '../actions/contract.ts';
import { holdGroup } from './change.ts';
import type { AttemptEffect } from './core/demands.ts';
import { holdIn } from './target-holds.ts';

/** Executions that an error names. */
const MAX_NAMED = 3;

/** Whether an action is to be performed that ends a state which executions hold. */
export function endsAHold(effect: AttemptEffect, declaration: ActionDeclaration | undefined): boolean {
  return effect.kind === 'perform' && declaration?.releases !== undefined;
}

/**
 * What other executions hold is not ended over their heads: it stays until the last of them lets go (`undo`, its end, a person who
 * cancels). Those that are letting go already do not count, nor does the execution that asks: its own undo finds the target open.
 * @throws ConnectorError `still_held`, which names them
 */
export async function requireReleased(
  holdsOf: (group: string) => Promise<readonly StoredView[]>,
  executionId: string,
  { connector, target }: Pick<AttemptEffect, 'connector' | 'target'>,
  releases: string,
): Promise<void> {
  const holds = await holdsOf(holdGroup(connector, target, releases));
  const holders = new Set(
    holds.map(holdIn).flatMap((hold) => {
      return hold.executionId === executionId || hold.isBeingUndone === true ? [] : [hold.executionId];
    }),
  );
  if (holders.size === 0) return;
  const named = [...holders].slice(0, MAX_NAMED).join(', ');
  const more = holders.size > MAX_NAMED ? ` and ${holders.size - MAX_NAMED} more` : '';
  const message = `it stays as it is while others hold it: ${named}${more}; cancel them with compensate: true, and it is opened with the last`;
  throw new ConnectorError('still_held', message, { retryable: false, resultUnknown: false });
}
