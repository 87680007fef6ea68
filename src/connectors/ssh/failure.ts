import { ConnectorError } from '../../pipeline/actions/contract.ts';
import { TAKEN_BACK } from '../../platform/http-error.ts';

/** The errors of this connector, by what they say about the host: not reached, broken off, answered with an error. */

/** The host was not reached, so nothing was changed; a repeat may help. */
export function notReached(code: string, message: string, cause?: unknown): ConnectorError {
  return new ConnectorError(code, message, { retryable: true, resultUnknown: false, cause });
}

/**
 * The connection or the time ended before the host said how its command ended.
 * @param changes whether the command changes something and was sent: then its result is unknown
 */
export function brokenOff(code: string, message: string, changes: boolean): ConnectorError {
  return new ConnectorError(code, message, { retryable: true, resultUnknown: changes });
}

/** The command ended on the host with an error: what it did by then is done, and nothing lands later. */
export function answered(code: string, message: string, retryable = false): ConnectorError {
  return new ConnectorError(code, message, { retryable, resultUnknown: false, answered: true });
}

/** Another process may have the action by now, or everything is paused: it was not sent. */
export function takenBack(): ConnectorError {
  return new ConnectorError(TAKEN_BACK, 'the change was not sent: the action was taken back', {
    retryable: true,
    resultUnknown: false,
  });
}
