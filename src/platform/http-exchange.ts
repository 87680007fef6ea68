import type { IncomingHttpHeaders } from 'node:http';
import { errors, type Dispatcher } from 'undici';
import { HttpError, isSafeMethod, TAKEN_BACK } from './http-error.ts';
import { messageOf } from './errors.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A whole reply. */
export interface HttpReply {
  readonly status: number;
  /** The value of a header, or null; several values are joined by `, `. */
  header(name: string): string | null;
  readonly body: Buffer;
}

export interface Exchange {
  readonly method: HttpMethod;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | null;
  readonly signal: AbortSignal | undefined;
  readonly maySend: (() => boolean) | undefined;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly totalTimeoutMs: number;
  readonly maxResponseBytes: number;
}

/**
 * One request over a dispatcher. It uses the dispatcher's callbacks, not its promise API: only they tell whether
 * the request had left the queue when it failed, which is what decides `resultUnknown`, and they cost half as much.
 *
 * @throws HttpError
 */
export function httpExchange(dispatcher: Dispatcher, exchange: Exchange): Promise<HttpReply> {
  const { promise, resolve, reject } = withResolvers<HttpReply>();
  const { signal } = exchange;
  const chunks: Buffer[] = [];
  let controller: Dispatcher.DispatchController | null = null;
  let headers: IncomingHttpHeaders = {};
  let status = 0;
  let size = 0;
  let settled = false;

  const timer = setTimeout(
    () => fail('timeout', `no reply within ${exchange.totalTimeoutMs} ms`, true),
    exchange.totalTimeoutMs,
  );
  const onAbort = (): void => fail('aborted', 'the call was given up at its deadline', true);

  function settle(): boolean {
    if (settled) return false;
    settled = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    return true;
  }
  function fail(code: string, message: string, retryable: boolean, cause?: unknown): void {
    if (!settle()) return;
    const resultUnknown = controller !== null && !isSafeMethod(exchange.method);
    const error = new HttpError(code, message, {
      retryable,
      resultUnknown,
      status: status === 0 ? null : status,
      cause,
    });
    reject(error);
    controller?.abort(error);
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      // The request has its connection, and its first byte follows in this turn.
      if (exchange.maySend?.() === false) fail(TAKEN_BACK, 'it was not to be sent any more', true);
      // Taken back now, or given up while it waited for a connection.
      if (settled) return started.abort(new Error('given up before it was sent'));
      controller = started;
    },
    onResponseStart(_started, statusCode, received) {
      if (statusCode < 200) return;
      status = statusCode;
      headers = received;
      const declared = Number(received['content-length'] ?? 0);
      if (declared > exchange.maxResponseBytes && exchange.method !== 'HEAD') tooLarge();
    },
    onResponseData(_started, chunk) {
      size += chunk.length;
      if (size > exchange.maxResponseBytes) tooLarge();
      else if (!settled) chunks.push(chunk);
    },
    onResponseEnd() {
      if (settle()) resolve(httpReply(status, headers, chunks));
    },
    onResponseError(_started, error) {
      if (!settled) failWith(error);
    },
  };
  function tooLarge(): void {
    fail('response_too_large', `the reply is larger than ${exchange.maxResponseBytes} bytes`, false);
  }
  function failWith(error: Error): void {
    if (error instanceof HttpError) {
      if (settle()) reject(error);
      return;
    }
    const kind = failureKind(error, controller !== null);
    fail(kind.code, messageOf(error), kind.retryable, error);
  }

  if (signal?.aborted === true) {
    onAbort();
    return promise;
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { method, path, headers: sent, body, headersTimeout, bodyTimeout } = exchange;
    dispatcher.dispatch({ method, path, headers: sent, body, headersTimeout, bodyTimeout }, handler);
  } catch (error) {
    fail('invalid_request', messageOf(error), false, error);
  }
  return promise;
}

function httpReply(status: number, headers: IncomingHttpHeaders, chunks: readonly Buffer[]): HttpReply {
  const [first] = chunks;
  return {
    status,
    body: first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks),
    header(name) {
      const lower = name.toLowerCase();
      const value = Object.hasOwn(headers, lower) ? headers[lower] : undefined;
      return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
    },
  };
}

/** What an error of the client means; `sent`: the request had its connection. */
export function failureKind(error: Error, sent: boolean): { readonly code: string; readonly retryable: boolean } {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return { code: 'timeout', retryable: true };
  }
  if (error instanceof errors.ConnectTimeoutError) return { code: 'connect_timeout', retryable: true };
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return { code: 'bad_reply', retryable: false };
  }
  if (error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError) {
    return { code: 'closed', retryable: false };
  }
  if (error instanceof errors.InvalidArgumentError) return { code: 'invalid_request', retryable: false };
  if (sent) return { code: 'connection_lost', retryable: true };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // A certificate does not become right by trying again; a refused connection may.
  const certificate = code.startsWith('ERR_TLS') || code.includes('CERT') || code.startsWith('UNABLE_TO');
  return certificate ? { code: 'tls_failed', retryable: false } : { code: 'connect_failed', retryable: true };
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: Error) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
