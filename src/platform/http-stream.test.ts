import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpError } from './http-error.ts';
import { safeHttp, type SafeHttpOptions, type StreamingHttp } from './safe-http.ts';

const MEBIBYTE = 1024 * 1024;
let server: Server | null = null;
let http: StreamingHttp | null = null;

afterEach(async () => {
  await http?.close();
  server?.closeAllConnections();
  server?.close();
});

async function open(listener: RequestListener, options: SafeHttpOptions = {}): Promise<[StreamingHttp, string]> {
  const made = createServer(listener);
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  http = safeHttp({ allow: [host], ...options });
  return [http, `http://${host}/image`];
}

const signal = new AbortController().signal;

async function sizeOf(body: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const piece of body) size += piece.length;
  return size;
}

async function errorOf(call: Promise<unknown>): Promise<HttpError> {
  const thrown: unknown = await call.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (thrown instanceof HttpError) return thrown;
  throw thrown;
}

describe('a streamed reply', () => {
  it('hands on status, headers and every byte', async () => {
    const [client, url] = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 3 * MEBIBYTE, 'x-one': 'a' });
      response.end(Buffer.alloc(3 * MEBIBYTE, 7));
    });
    const reply = await client.stream({ url, signal, maxBytes: 3 * MEBIBYTE });
    expect([reply.status, reply.length, reply.header('X-One'), reply.header('constructor')]).toEqual([
      200,
      3 * MEBIBYTE,
      'a',
      null,
    ]);
    expect(await sizeOf(reply.body)).toBe(3 * MEBIBYTE);
  });

  it('reads no faster than it is read', async () => {
    let sent = 0;
    const [client, url] = await open((_request, response) => {
      const piece = Buffer.alloc(MEBIBYTE);
      const more = (): void => {
        while (sent < 200 && !response.destroyed) {
          sent += 1;
          if (!response.write(piece)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const { body } = await client.stream({ url, signal, maxBytes: 200 * MEBIBYTE });
    const pieces = body[Symbol.asyncIterator]();
    await pieces.next();
    const early = sent;
    expect(early).toBeLessThan(100);
    await pieces.return?.();
  });

  it('stops at a body that is declared too large, and at one that only grows', async () => {
    const [client, url] = await open((_request, response) => {
      response.writeHead(200, _request.url === '/image' ? { 'content-length': 10 } : {});
      response.write('12345');
      response.end('67890');
    });
    expect(await errorOf(client.stream({ url, signal, maxBytes: 9 }))).toMatchObject({ code: 'response_too_large' });
    const grown = await client.stream({ url: `${url}s`, signal, maxBytes: 9 });
    const error = await errorOf(sizeOf(grown.body));
    expect(error).toMatchObject({ code: 'response_too_large', retryable: false, resultUnknown: false });
  });

  it('says that the connection was lost half-way, and that trying again may help', async () => {
    const [client, url] = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('some', () => response.destroy());
    });
    const { body } = await client.stream({ url, signal, maxBytes: 1_000 });
    expect(await errorOf(sizeOf(body))).toMatchObject({
      code: 'connection_lost',
      retryable: true,
      resultUnknown: false,
    });
  });

  it('ends at its signal, before the reply and in its middle', async () => {
    const [client, url] = await open((request, response) => {
      if (request.url === '/image') return;
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('some');
    });
    const early = new AbortController();
    const waiting = errorOf(client.stream({ url, signal: early.signal, maxBytes: 1_000 }));
    early.abort();
    expect(await waiting).toMatchObject({ code: 'aborted', retryable: true });
    const late = new AbortController();
    const { body } = await client.stream({ url: `${url}s`, signal: late.signal, maxBytes: 1_000 });
    const reading = errorOf(sizeOf(body));
    late.abort();
    expect(await reading).toMatchObject({ code: 'aborted', retryable: true, resultUnknown: false });
  });

  it('gives up a body that goes silent', async () => {
    const [client, url] = await open(
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('some');
      },
      { bodyTimeoutMs: 50 },
    );
    const { body } = await client.stream({ url, signal, maxBytes: 1_000 });
    expect(await errorOf(sizeOf(body))).toMatchObject({ code: 'timeout', retryable: true });
  });

  it('goes nowhere that a request may not go', async () => {
    const [client] = await open(() => undefined);
    const outside = client.stream({ url: 'http://169.254.169.254/latest/', signal, maxBytes: 1 });
    expect(await errorOf(outside)).toMatchObject({ code: 'address_refused' });
    const smuggled = client.stream({ url: 'https://example.com/', signal, maxBytes: 1, headers: { host: 'evil' } });
    expect(await errorOf(smuggled)).toBeInstanceOf(HttpError);
    await client.close();
    expect(await errorOf(client.stream({ url: 'https://example.com/', signal, maxBytes: 1 }))).toMatchObject({
      code: 'closed',
    });
  });
});
