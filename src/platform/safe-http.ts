import { lookup } from 'node:dns/promises';
import { Pool, buildConnector } from 'undici';
import { addressClass } from './address-class.ts';
import { httpExchange, type HttpMethod, type HttpReply } from './http-exchange.ts';
import { HttpError, refusedCall } from './http-error.ts';
import { httpStream, type HttpStream } from './http-stream.ts';
import { allowList, bareHost, guardBody, guardedHeaders, guardedUrl, hostAndPort } from './http-guard.ts';
import { messageOf } from './errors.ts';

/**
 * The only way out: an HTTP client that cannot be talked into calling the inside.
 *
 * A name is resolved once for each connection, every address it gave is judged, and the connection goes to a judged
 * address, so a name that changes its mind between check and use (DNS rebinding) gains nothing. Private, loopback,
 * link-local, carrier-grade NAT, cloud metadata, documentation and reserved addresses are refused unless the exact
 * `host:port` is on this client's allow list. Redirects are handed back, never followed.
 */

export interface HttpRequest {
  readonly method: HttpMethod;
  /** Absolute http or https URL without user name and password. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Not for GET and HEAD. */
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal;
  /**
   * Asked when the request has got its connection, in the turn in which its first byte is written: it may have waited a long
   * time for one. False takes it back, with the code `taken_back` and a known result.
   */
  readonly maySend?: (() => boolean) | undefined;
}

export interface SafeHttp {
  /**
   * Sends one request and gives the whole reply, whatever its status (`statusError` in `http-error.ts` judges that).
   *
   * @throws HttpError when there is no reply: refused, not resolved, not connected, timed out, aborted, too large.
   */
  request(request: HttpRequest): Promise<HttpReply>;
  /** Ends all connections; requests under way fail with `closed`. */
  close(): Promise<void>;
}

/** A GET whose reply is too large to be held. */
export interface StreamRequest {
  /** As in `HttpRequest`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** There is no time limit but this one and the longest silence: an image of a disk takes hours. */
  readonly signal: AbortSignal;
  /** Biggest body, in bytes. */
  readonly maxBytes: number;
}

/** A client that also reads what is too large to be held. */
export interface StreamingHttp extends SafeHttp {
  /**
   * Sends one GET and gives the reply with a body to be read, whatever its status. @throws HttpError as `request`, and while
   * the body is read
   */
  stream(request: StreamRequest): Promise<HttpStream>;
}

/** All addresses of a name. Injected by tests; the default asks the system. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

export interface SafeHttpOptions {
  /**
   * `host:port` pairs that may be private or loopback, for example `127.0.0.1:8443` or `splunk.internal:8089`.
   * Without a port (as `URL.host` has it) the default ports 80 and 443 are meant.
   * A name on the list still may not lead to a link-local or metadata address.
   */
  readonly allow?: readonly string[];
  /** Connections to one origin. */
  readonly connectionsPerOrigin?: number;
  /** Resolving and connecting, TLS included, in ms. */
  readonly connectTimeoutMs?: number;
  /** From sending to the last response header, in ms. */
  readonly headersTimeoutMs?: number;
  /** Longest silence inside a body, in ms. */
  readonly bodyTimeoutMs?: number;
  /** The whole request, waiting for a connection included, in ms: also ends a reply that drips for ever. */
  readonly totalTimeoutMs?: number;
  /** Biggest request body, in bytes. */
  readonly maxRequestBytes?: number;
  /** Biggest reply body, in bytes. */
  readonly maxResponseBytes?: number;
  readonly resolve?: Resolver;
}

/** As many as a busy containment needs; more would be unkind to the target. */
const DEFAULT_CONNECTIONS = 64;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_HEADERS_TIMEOUT_MS = 15_000;
const DEFAULT_BODY_TIMEOUT_MS = 10_000;
const DEFAULT_TOTAL_TIMEOUT_MS = 30_000;
/** What actions and notices send is far smaller; in bytes. */
const DEFAULT_MAX_REQUEST_BYTES = 1024 * 1024;
/** The largest replies we read are zone and user lists, well below this; in bytes. */
const DEFAULT_MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
/** Idle connections are dropped before servers drop them (Node's own default is 5 s), in ms. */
const KEEP_ALIVE_MS = 4_000;
/** Origins with a pool at one time; the least recently used is closed. */
const MAX_ORIGINS = 128;
/** Requests under way in one client: beyond this the queue only hides an overload. */
const MAX_IN_FLIGHT = 10_000;
/** Addresses of one name that are tried. */
const MAX_ADDRESSES_TRIED = 4;
/** A client with its own allow list and its own pools. */
export function safeHttp(options: SafeHttpOptions = {}): StreamingHttp {
  const allowed = allowList(options.allow ?? []);
  const pools = new Map<string, Pool>();
  const limits = {
    headersTimeout: options.headersTimeoutMs ?? DEFAULT_HEADERS_TIMEOUT_MS,
    bodyTimeout: options.bodyTimeoutMs ?? DEFAULT_BODY_TIMEOUT_MS,
    totalTimeoutMs: options.totalTimeoutMs ?? DEFAULT_TOTAL_TIMEOUT_MS,
    maxResponseBytes: options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES,
  };
  const connect = guardedConnector(
    allowed,
    options.resolve ?? systemResolver,
    options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
  );
  let inFlight = 0;
  let closed = false;

  function poolOf(origin: string): Pool {
    let pool = pools.get(origin);
    if (pool !== undefined) {
      // Moved to the end: the first of the map is the least recently used.
      if (pools.size > 1) {
        pools.delete(origin);
        pools.set(origin, pool);
      }
      return pool;
    }
    const [oldest] = pools;
    if (pools.size >= MAX_ORIGINS && oldest !== undefined) {
      pools.delete(oldest[0]);
      void oldest[1].close();
    }
    pool = new Pool(origin, {
      connect,
      connections: options.connectionsPerOrigin ?? DEFAULT_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
    pools.set(origin, pool);
    return pool;
  }

  function admit(): void {
    if (inFlight >= MAX_IN_FLIGHT) {
      throw new HttpError('overloaded', 'too many requests are under way', { retryable: true, resultUnknown: false });
    }
    inFlight += 1;
  }

  return {
    async stream({ url: text, headers: given = {}, signal, maxBytes }) {
      if (closed) throw refusedCall('closed', 'the HTTP client is closed');
      const url = guardedUrl(text, allowed);
      const headers = guardedHeaders(given);
      const { headersTimeout, bodyTimeout } = limits;
      const path = `${url.pathname}${url.search}`;
      admit();
      try {
        return await httpStream(poolOf(url.origin), { path, headers, signal, headersTimeout, bodyTimeout, maxBytes });
      } finally {
        inFlight -= 1;
      }
    },
    async request(request) {
      if (closed) throw refusedCall('closed', 'the HTTP client is closed');
      const url = guardedUrl(request.url, allowed);
      const headers = guardedHeaders(request.headers ?? {});
      guardBody(request, options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES);
      admit();
      try {
        return await httpExchange(poolOf(url.origin), {
          method: request.method,
          path: `${url.pathname}${url.search}`,
          headers,
          body: request.body ?? null,
          signal: request.signal,
          maySend: request.maySend,
          ...limits,
        });
      } finally {
        inFlight -= 1;
      }
    },
    async close() {
      closed = true;
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

/** Resolves, judges, connects to the judged address; TLS still proves the name. */
function guardedConnector(
  allowed: ReadonlySet<string>,
  resolve: Resolver,
  timeoutMs: number,
): buildConnector.connector {
  const connectTo = buildConnector({ timeout: timeoutMs });
  return (options, callback) => {
    const hostname = bareHost(options.hostname);
    const listed = allowed.has(hostAndPort(options.hostname.toLowerCase(), options.port, options.protocol));
    judgedAddresses(hostname, listed, resolve, timeoutMs).then(
      (addresses) => tryInTurn(addresses, 0),
      (error: unknown) => callback(error instanceof Error ? error : new Error(messageOf(error)), null),
    );
    function tryInTurn(addresses: readonly string[], index: number): void {
      const address = addresses[index] ?? '';
      connectTo({ ...options, hostname: address }, (...result) => {
        if (result[0] !== null && index + 1 < addresses.length) return tryInTurn(addresses, index + 1);
        return callback(...result);
      });
    }
  };
}

async function judgedAddresses(
  hostname: string,
  listed: boolean,
  resolve: Resolver,
  timeoutMs: number,
): Promise<readonly string[]> {
  const found = addressClass(hostname) === null ? await resolveInTime(hostname, resolve, timeoutMs) : [hostname];
  for (const address of found) {
    const kind = addressClass(address) ?? 'reserved';
    // One bad address spoils the answer: a mixture of public and private ones is what an attack looks like.
    const passes =
      kind === 'public' || (listed && (address === hostname || (kind !== 'metadata' && kind !== 'linklocal')));
    if (!passes) throw refusedCall('address_refused', `the name leads to a ${kind} address`);
  }
  return found.slice(0, MAX_ADDRESSES_TRIED);
}

async function resolveInTime(hostname: string, resolve: Resolver, timeoutMs: number): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const found = await Promise.race([resolve(hostname), late]);
    if (found.length === 0) throw new Error('no address');
    return found;
  } catch (error) {
    throw new HttpError('resolve_failed', `the name could not be resolved: ${messageOf(error)}`, {
      retryable: true,
      resultUnknown: false,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function systemResolver(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map((entry) => entry.address);
}
