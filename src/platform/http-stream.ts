import type { Dispatcher } from 'undici';
import { failureKind } from './http-exchange.ts';
import { HttpError } from './http-error.ts';
import { messageOf } from './errors.ts';

/** A reply whose body is read while it comes. */
export interface HttpStream {
  readonly status: number;
  /** The value of a header, or null; several values are joined by `, `. */
  header(name: string): string | null;
  /** From `Content-Length`, in bytes, or null when the reply does not say. */
  readonly length: number | null;
  /**
   * The body, once; what is not fetched is not read from the network either. It has to be read to its end, broken out of, or
   * the request's signal aborted: else its connection stays taken. @throws HttpError while it is read: the connection
   * broke (`connection_lost`), silence for too long (`timeout`), more than the limit (`response_too_large`), given up
   * (`aborted`).
   */
  readonly body: AsyncIterable<Buffer>;
}

export interface StreamExchange {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  /** Biggest body, in bytes. */
  readonly maxBytes: number;
}

/** One GET whose body is handed on while it comes. @throws HttpError when there is no reply, or it says that it is too large */
export async function httpStream(dispatcher: Dispatcher, exchange: StreamExchange): Promise<HttpStream> {
  const { path, headers, signal, headersTimeout, bodyTimeout, maxBytes } = exchange;
  let reply: Dispatcher.ResponseData;
  try {
    reply = await dispatcher.request({ method: 'GET', path, headers, signal, headersTimeout, bodyTimeout });
  } catch (error) {
    throw streamError(error, signal);
  }
  const header = (name: string): string | null => {
    const lower = name.toLowerCase();
    const value = Object.hasOwn(reply.headers, lower) ? reply.headers[lower] : undefined;
    return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
  };
  const declared = header('content-length');
  const length = declared === null ? null : Number(declared);
  if (length !== null && length > maxBytes) {
    // The signal of the error ends the connection; nobody reads this body.
    reply.body.on('error', () => undefined).destroy();
    throw tooLarge(maxBytes);
  }
  return { status: reply.statusCode, header, length, body: bounded(reply.body, signal, maxBytes) };
}

/** The pieces of a body up to the limit, with errors in our words. Leaving it early ends the connection. */
async function* bounded(body: AsyncIterable<Buffer>, signal: AbortSignal, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const piece of body) {
      size += piece.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield piece;
    }
  } catch (error) {
    throw streamError(error, signal);
  }
}

function tooLarge(maxBytes: number): HttpError {
  const message = `the reply is larger than ${maxBytes} bytes`;
  return new HttpError('response_too_large', message, { retryable: false, resultUnknown: false });
}

/** A read has done nothing, whatever became of it: the result is always known. */
function streamError(thrown: unknown, signal: AbortSignal): HttpError {
  if (thrown instanceof HttpError) return thrown;
  if (signal.aborted) {
    const message = 'the call was given up at its deadline';
    return new HttpError('aborted', message, { retryable: true, resultUnknown: false, cause: thrown });
  }
  const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  const { code, retryable } = failureKind(error, wasConnected(error));
  return new HttpError(code, messageOf(error), { retryable, resultUnknown: false, cause: thrown });
}

/** Whether there was a connection: what then goes wrong is its loss, not a failure to get one. */
function wasConnected(error: Error): boolean {
  const code = 'code' in error ? error.code : '';
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_ABORTED';
}
