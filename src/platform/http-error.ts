/**
 * Why an outgoing call has no good reply. It answers the two questions every caller has: may I repeat it, and may
 * it have taken effect all the same. Connectors turn it into their own `ConnectorError`.
 */
export class HttpError extends Error {
  /** Short snake_case word: `timeout`, `connect_failed`, `address_refused`, `rate_limited`, ... */
  readonly code: string;
  /** True when a repeat may help. */
  readonly retryable: boolean;
  /** True when the request may have taken effect. Always false for GET and HEAD, and when nothing was sent. */
  readonly resultUnknown: boolean;
  /** From `Retry-After`, in ms, or null. */
  readonly retryAfterMs: number | null;
  /** Status of the reply, or null when there was none. */
  readonly status: number | null;
  constructor(
    code: string,
    message: string,
    options: {
      readonly retryable: boolean;
      readonly resultUnknown: boolean;
      readonly retryAfterMs?: number | null;
      readonly status?: number | null;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.name = 'HttpError';
    this.code = code;
    this.retryable = options.retryable;
    this.resultUnknown = options.resultUnknown;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.status = options.status ?? null;
  }
}

/** Code of a request that its sender kept back at the last moment: not a byte of it was written. */
export const TAKEN_BACK = 'taken_back';

/** Statuses by which a gateway says that who works behind it has not answered in time, or not well. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 504]);

/** Whether the target itself ended the call, so that nothing of it can take effect later. */
export function isAnswered({ status }: HttpError): boolean {
  return status !== null && !GATEWAY_STATUSES.has(status);
}

/** A call that was refused before anything left the process; repeating it gives the same refusal. */
export function refusedCall(code: string, message: string): HttpError {
  return new HttpError(code, message, { retryable: false, resultUnknown: false });
}

/** What `statusError` needs of a reply. */
export interface StatusReply {
  readonly status: number;
  header(name: string): string | null;
}

/** Longest wait that a `Retry-After` can ask for, in ms: a day. More is cut, so that no timer sleeps for years. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/**
 * The error that a status stands for, or null for 2xx.
 *
 * 429 and 503 were not processed (RFC 6585, RFC 9110 15.6.4): retryable, result known. Other 5xx may have taken
 * effect before they failed: retryable, result unknown, so that the caller reads before it repeats. 408 and 425
 * were not processed. 3xx is never followed; after 301, 302 and 303 the effect may be there. Other 4xx are final.
 */
export function statusError(method: string, reply: StatusReply): HttpError | null {
  const { status } = reply;
  if (status >= 200 && status < 300) return null;
  const unsafe = !isSafeMethod(method);
  const message = `the server answered ${status}`;
  const retryAfterMs = retryAfterOf(reply);
  if (status === 429) {
    return new HttpError('rate_limited', message, { retryable: true, resultUnknown: false, retryAfterMs, status });
  }
  if (status === 503) {
    return new HttpError('unavailable', message, { retryable: true, resultUnknown: false, retryAfterMs, status });
  }
  if (status === 408 || status === 425) {
    return new HttpError('not_processed', message, { retryable: true, resultUnknown: false, retryAfterMs, status });
  }
  if (status >= 500) {
    return new HttpError('server_error', message, { retryable: true, resultUnknown: unsafe, retryAfterMs, status });
  }
  if (status >= 300 && status < 400) {
    const acted = unsafe && status >= 301 && status <= 303;
    return new HttpError('redirect_refused', `${message}; redirects are not followed`, {
      retryable: false,
      resultUnknown: acted,
      status,
    });
  }
  return new HttpError(CODE_OF_STATUS.get(status) ?? 'rejected', message, {
    retryable: false,
    resultUnknown: false,
    status,
  });
}

const CODE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [409, 'conflict'],
  [410, 'gone'],
  [412, 'stale_version'],
]);

/** GET and HEAD have no effect at the target (RFC 9110 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** `Retry-After` in ms: seconds, or an HTTP date counted from the reply's own `Date` (no clock is needed). */
function retryAfterOf(reply: StatusReply): number | null {
  const text = reply.header('retry-after')?.trim();
  if (text === undefined || text === '') return null;
  if (/^[0-9]{1,9}$/.test(text)) return Math.min(Number(text) * 1_000, MAX_RETRY_AFTER_MS);
  const sentAt = httpDate(reply.header('date'));
  const until = httpDate(text);
  if (sentAt === null || until === null) return null;
  return Math.min(Math.max(until - sentAt, 0), MAX_RETRY_AFTER_MS);
}

/** IMF-fixdate only (RFC 9110 5.6.7); the two obsolete forms are not worth their parsers. */
function httpDate(text: string | null): number | null {
  if (text === null || !/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
