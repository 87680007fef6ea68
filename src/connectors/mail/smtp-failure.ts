import type { NodemailerError } from 'nodemailer';
import { messageOf } from '../../platform/errors.ts';
import { SendError } from '../../pipeline/notifications/contract.ts';
import { oneLine } from '../../pipeline/notifications/one-line.ts';

/** Longest reason of a mail server that is repeated, in characters. */
const MAX_REASON_LENGTH = 200;

/**
 * 5yz is for ever and 4yz for now (RFC 5321); without a reply it depends on what broke. What the server said is repeated
 * in one line, without addresses of people, and never about the login.
 */
export function smtpFailure(thrown: unknown): SendError {
  const error = thrown instanceof Error ? (thrown as NodemailerError) : null; // every member beside those of Error is optional
  const status = error?.responseCode;
  switch (error?.code) {
    case 'EABORT':
      return new SendError('aborted', 'the call was given up at its deadline', true);
    case 'EAUTH':
      return new SendError('unauthenticated', `the mail server refused the login${statusIn(status)}`, !isFinal(status));
    case 'ETLS':
      return new SendError(
        'tls_failed',
        `no TLS with the mail server: ${reasonIn(error)}`,
        !isFinal(status) && !isCertificate(error),
      );
    default:
  }
  if (status !== undefined) {
    return new SendError(
      isFinal(status) ? 'rejected' : 'try_later',
      `the mail server answered ${reasonIn(error)}`,
      !isFinal(status),
    );
  }
  if (isCertificate(error))
    return new SendError('tls_failed', `no TLS with the mail server: ${reasonIn(error)}`, false);
  if (error?.code === 'ETIMEDOUT') return new SendError('timeout', 'the mail server did not answer in time', true);
  const broke = error?.code === 'ECONNECTION' || error?.code === 'ESOCKET' || error?.code === 'EDNS';
  if (broke) return new SendError('connection_lost', `no connection to the mail server: ${reasonIn(error)}`, true);
  return new SendError('unexpected', reasonIn(thrown), false);
}

/** 503 says that the session was in a wrong state, not that the mail was refused. */
function isFinal(status: number | undefined): boolean {
  return status !== undefined && status >= 500 && status !== 503;
}

/** A certificate does not become right by trying again. */
function isCertificate(error: NodemailerError | null): boolean {
  return error !== null && /certificate|altnames/i.test(`${error.message} ${error.originalCode ?? ''}`);
}

function statusIn(status: number | undefined): string {
  return status === undefined ? '' : ` (${status})`;
}

function reasonIn(thrown: unknown): string {
  const response = thrown instanceof Error ? (thrown as NodemailerError).response : undefined;
  const reason = oneLine(response ?? messageOf(thrown), MAX_REASON_LENGTH).text;
  return reason.replace(/[^\s<>]+@[^\s<>]+/g, '(address)');
}
