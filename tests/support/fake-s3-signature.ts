import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The credentials that the fake knows. */
export const FAKE_KEY = { id: 'AKIAFAKEFORTESTS0001', secret: 'a-secret-for-tests-only' } as const;
export const FAKE_REGION = 'eu-test-1';

/** As S3 has it, in ms. */
const MAX_SKEW_MS = 15 * 60_000;

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Checks an AWS Signature Version 4 over the request as it came: method, path, query, the headers that were signed, and the digest of
 * the body. Null: it is right; else the code with which S3 refuses it.
 */
export function signatureFault(request: IncomingMessage, body: Buffer, now: number): string | null {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const found = form.exec(request.headers.authorization ?? '');
  if (found === null) return 'AccessDenied';
  const [, keyId = '', day = '', region = '', names = '', signature = ''] = found;
  if (keyId !== FAKE_KEY.id) return 'InvalidAccessKeyId';
  if (region !== FAKE_REGION) return 'AuthorizationHeaderMalformed';
  const stamp = String(request.headers['x-amz-date']);
  const at = Date.parse(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(at - now) <= MAX_SKEW_MS)) return 'RequestTimeTooSkewed';
  const signed = names.split(';');
  if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => signed.includes(name))) return 'AccessDenied';
  // What changes the meaning of a request has to be under the signature.
  const unsigned = Object.keys(request.headers).filter((name) => name.startsWith('x-amz-') && !signed.includes(name));
  if (unsigned.length > 0) return 'AccessDenied';
  const digest = String(request.headers['x-amz-content-sha256']);
  if (digest !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const url = new URL(request.url ?? '/', 'http://fake');
  const canonical = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...signed.map((name) => `${name}:${String(request.headers[name]).trim().replace(/\s+/g, ' ')}`),
    '',
    names,
    digest,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = ['aws4_request'].reduce<Buffer>(
    (made, word) => hmac(made, word),
    hmac(hmac(hmac(`AWS4${FAKE_KEY.secret}`, day), region), 's3'),
  );
  const expected = hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n'));
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
}

function canonicalQuery(url: URL): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  return [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}
