import { ConnectorError, type ActionDeclaration } from '../../pipeline/actions/contract.ts';

/** Name of the connector instance when there is only one. */
export const CONNECTOR = 'sandbox';
/** How long the sandbox may take to show an effect, in ms: it shows it at once, a stale read fault does not. */
export const SETTLE_MS = 1_000;

/** What most sandbox actions have in common: a user, the target drops repeats of a key, and everything is readable. */
export function declare(
  type: ActionDeclaration['type'],
  rest: Pick<ActionDeclaration, 'reversibility' | 'holds' | 'contains'> & Partial<ActionDeclaration>,
): ActionDeclaration {
  return {
    type,
    connector: CONNECTOR,
    targetType: 'user',
    idempotency: 'native-key',
    readBack: true,
    settleMs: SETTLE_MS,
    waits: false,
    ...rest,
  };
}

/** The target does not show it yet: reading again may help, nothing was lost. */
export function notShownYet(message: string): ConnectorError {
  return new ConnectorError('not_shown_yet', message, { retryable: true, resultUnknown: false });
}
