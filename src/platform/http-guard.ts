import { addressClass } from './address-class.ts';
import { isSafeMethod, refusedCall } from './http-error.ts';

/** What is judged about a request before anything is resolved or sent. */

/** Longest URL, in characters: what proxies and servers commonly take. */
const MAX_URL_LENGTH = 8_192;
const MAX_HEADERS = 64;
/** Longest header value, in characters. */
const MAX_HEADER_LENGTH = 8_192;

/** Headers that belong to the connection, not to the caller: setting them is how requests are smuggled. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Parses and judges a URL as far as that is possible without resolving. @throws HttpError */
export function guardedUrl(text: string, allowed: ReadonlySet<string>): URL {
  if (text.length > MAX_URL_LENGTH) throw refusedCall('invalid_url', `the URL is longer than ${MAX_URL_LENGTH}`);
  // The authority as written: what the URL parser quietly turns into something else is refused, not repaired.
  const written = /^https?:\/\/([^/?#\\\s]*)(?:[/?#]|$)/i.exec(text)?.[1];
  const url = written === undefined ? null : parsedUrl(text);
  if (written === undefined || url === null) {
    throw refusedCall('invalid_url', 'the URL is not an absolute http or https URL');
  }
  if (url.username !== '' || url.password !== '' || written.includes('@')) {
    throw refusedCall('invalid_url', 'the URL holds a user name or a password');
  }
  const hostname = bareHost(url.hostname);
  const literal = addressClass(hostname);
  if (literal !== null && written.replace(/:[0-9]*$/, '').toLowerCase() !== url.hostname) {
    throw refusedCall('ambiguous_address', 'the address is written in another form than the usual one');
  }
  if (literal !== null && literal !== 'public' && !allowed.has(hostAndPort(url.hostname, url.port, url.protocol))) {
    throw refusedCall('address_refused', `calls to ${literal} addresses are refused`);
  }
  return url;
}

function parsedUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** The `host:port` forms of an allow list; an entry without a port means the default ports. */
export function allowList(entries: readonly string[]): ReadonlySet<string> {
  return new Set(
    entries
      .map((entry) => entry.toLowerCase())
      .flatMap((entry) => (/:[0-9]+$/.test(entry) ? [entry] : [`${entry}:80`, `${entry}:443`])),
  );
}

/** The form in which allow lists name a destination. */
export function hostAndPort(hostname: string, port: string, protocol: string): string {
  return `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}

/** Without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** Lower-case headers of the request. @throws HttpError for connection headers, control characters and excess */
export function guardedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) throw refusedCall('header_refused', `more than ${MAX_HEADERS} headers`);
  // Compressed replies are never asked for: a small reply that unpacks to gigabytes would pass the size limit.
  const guarded: Record<string, string> = { 'accept-encoding': 'identity' };
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(lower) || CONNECTION_HEADERS.has(lower) || lower === '__proto__') {
      throw refusedCall('header_refused', `the header ${JSON.stringify(name.slice(0, 64))} cannot be set`);
    }
    if (value.length > MAX_HEADER_LENGTH || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw refusedCall('header_refused', `the value of the header ${lower} is too long or not printable ASCII`);
    }
    guarded[lower] = value;
  }
  return guarded;
}

/** @throws HttpError when the body is larger than `maxBytes` or the method takes none */
export function guardBody(
  request: { readonly method: string; readonly body?: string | Uint8Array | undefined },
  maxBytes: number,
): void {
  if (request.body === undefined) return;
  if (isSafeMethod(request.method)) throw refusedCall('invalid_request', `${request.method} has no body`);
  if (request.body.length > maxBytes || Buffer.byteLength(request.body) > maxBytes) {
    throw refusedCall('request_too_large', `the body is larger than ${maxBytes} bytes`);
  }
}
