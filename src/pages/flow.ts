import { z } from 'zod';
import type { SignInChecks } from '../pipeline/access/identity-provider.ts';
import { sameText } from '../platform/same-text.ts';
import { hmacSha256 } from '../platform/hash.ts';

/** How long somebody may take at the identity provider, in ms: a second factor that has to be fetched first. */
export const FLOW_LIFETIME_MS = 10 * 60_000;
/** Longest cookie that is looked at, in UTF-16 units: browsers take about 4 KiB. */
const MAX_LENGTH = 4_096;

/** What a browser keeps while its person is at the identity provider. */
export interface Flow extends SignInChecks {
  /** Where to go on afterwards: one of our own pages. */
  readonly to: string;
  readonly startedAt: number;
}

const FLOW = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  to: z.string(),
  startedAt: z.int(),
});

/** The flow as a cookie holds it: readable by its browser, and changeable by nobody without `key`. */
export function sealedFlow(flow: Flow, key: Uint8Array): string {
  const body = Buffer.from(JSON.stringify(flow)).toString('base64url');
  return `${body}.${macOf(body, key)}`;
}

/** The flow of a cookie, or null when it is altered, of another key, or older than ten minutes. */
export function openedFlow(cookie: string | undefined, key: Uint8Array, now: number): Flow | null {
  const [body = '', mac = '', ...rest] = (cookie ?? '').slice(0, MAX_LENGTH).split('.');
  if (rest.length > 0 || !sameText(mac, macOf(body, key))) return null;
  const flow = FLOW.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
  return flow.startedAt <= now && now < flow.startedAt + FLOW_LIFETIME_MS ? flow : null;
}

function macOf(body: string, key: Uint8Array): string {
  return hmacSha256(key, body).toString('hex');
}
