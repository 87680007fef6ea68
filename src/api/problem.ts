import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailableError } from '../journal/journal.ts';
import { ERRORS, FirebreakError, type ErrorCode, type Fault } from '../platform/errors.ts';
import { MAX_FAULTS } from './json-body.ts';

/** A fault with the part of the request it is in; without one, it is in the body. */
export interface PlacedFault extends Fault {
  readonly in?: 'body' | 'query' | 'path' | 'header';
}

/** Seconds after which a client may try again when the store or the process is overwhelmed. */
export const RETRY_AFTER_SECONDS = 5;
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export interface Problem {
  readonly success: false;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: readonly PlacedFault[];
  readonly traceId: string | null;
}

/** The problem document of an expected failure. At most 50 faults are named. */
export function problemOf(error: FirebreakError, traceId: string | null): Problem {
  const { status, title } = ERRORS[error.code];
  const errors = error.faults.slice(0, MAX_FAULTS);
  const type = `/errors/${error.code}`;
  return { success: false, type, title, status, code: error.code, detail: error.message, errors, traceId };
}

/**
 * What a caller may know of anything that was thrown: an expected failure as it is, the server's own refusals in
 * our words, everything else as `internal` without a word about the cause.
 */
export function publicErrorOf(thrown: unknown): FirebreakError {
  if (thrown instanceof FirebreakError) return thrown;
  if (thrown instanceof StoreUnavailableError) {
    return new FirebreakError(
      'store_unavailable',
      thrown.unknown
        ? 'The journal did not answer: it is not known whether this was done. Read it again before you repeat it'
        : 'The journal is not available: nothing is done without a record',
    );
  }
  const { code, statusCode } = serverError(thrown);
  const known = code === null ? undefined : SERVER_ERRORS.get(code);
  if (known !== undefined) return new FirebreakError(known[0], known[1]);
  if (statusCode !== null && statusCode >= 400 && statusCode < 500) {
    return new FirebreakError('invalid_request', STATUS_CODES[statusCode] ?? 'The request cannot be read');
  }
  return new FirebreakError('internal', 'Something went wrong on our side; the log has it under the trace id');
}

/** The web server's own error codes and what they mean to a caller. */
const SERVER_ERRORS: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', ['body_too_large', 'The body is larger than this route takes']],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', ['unsupported_media_type', 'Send the body as application/json']],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', ['invalid_request', 'Content-Length does not fit the body']],
  ['FST_ERR_BAD_URL', ['invalid_request', 'The address is not well-formed']],
  ['FST_ERR_MAX_PARAM_LENGTH', ['not_found', 'There is no such thing']],
]);

function serverError(thrown: unknown): { code: string | null; statusCode: number | null } {
  if (!(thrown instanceof Error)) return { code: null, statusCode: null };
  return {
    code: 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null,
    statusCode: 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : null,
  };
}

/** Answers with the problem document of `thrown`; logs what is our mistake. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = publicErrorOf(thrown);
  if (error.status >= 500) request.log.error({ err: thrown, traceId: request.call?.traceId ?? null }, 'request failed');
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="firebreak"');
  if (error.status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  const problem = problemOf(error, request.call?.traceId ?? null);
  return reply.code(error.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}
