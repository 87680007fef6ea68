import type { ActionDeclaration } from '../../pipeline/actions/contract.ts';

/** Name of the connector. */
export const CONNECTOR = 'ssh';
/** How long a host may take to show a change, in ms: the kernel and the account files show it at once. */
const SETTLE_MS = 1_000;

export function declare(
  type: ActionDeclaration['type'],
  rest: Pick<ActionDeclaration, 'targetType' | 'idempotency' | 'reversibility' | 'holds' | 'releases' | 'contains'>,
): ActionDeclaration {
  return { type, connector: CONNECTOR, readBack: true, settleMs: SETTLE_MS, waits: false, ...rest };
}
