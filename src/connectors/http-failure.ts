import { messageOf } from '../platform/errors.ts';
import { HttpError, isAnswered } from '../platform/http-error.ts';
import { ConnectorError } from '../pipeline/actions/contract.ts';

/**
 * The connector's error for anything that an outgoing call threw. `HttpError` lives in the platform, which knows no
 * connectors; this is the one place where it becomes a `ConnectorError`. What nobody foresaw counts as an unknown
 * result that must not be repeated.
 */
export function connectorErrorOf(thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  if (thrown instanceof HttpError) {
    const { retryable, resultUnknown, retryAfterMs } = thrown;
    const known = { retryable, resultUnknown, retryAfterMs, answered: isAnswered(thrown) };
    return new ConnectorError(thrown.code, thrown.message, { ...known, cause: thrown });
  }
  return new ConnectorError('unexpected', messageOf(thrown), { retryable: false, resultUnknown: true, cause: thrown });
}
