import type { ActionDeclaration } from '../../pipeline/actions/contract.ts';

/** Name of the connector. */
export const CONNECTOR = 'ssh';

/** What most actions on hosts have in common: the kernel and the account files show a change as soon as its command has ended. */
export function declare(
  type: ActionDeclaration['type'],
  rest: Pick<ActionDeclaration, 'targetType' | 'idempotency' | 'reversibility' | 'holds' | 'contains'> &
    Pick<Partial<ActionDeclaration>, 'releases' | 'settleMs'>,
): ActionDeclaration {
  return { type, connector: CONNECTOR, readBack: true, settleMs: 0, waits: false, ...rest };
}
