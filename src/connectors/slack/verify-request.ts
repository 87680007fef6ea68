import { createHmac, timingSafeEqual } from 'node:crypto';

/** How old a request may be, and how far ahead its clock, in ms: what Slack's documentation asks for. */
export const MAX_REQUEST_AGE_MS = 5 * 60_000;

export interface SignedRequest {
  /** The app's signing secret. */
  readonly secret: string;
  /** `X-Slack-Request-Timestamp`: seconds since 1970. */
  readonly timestamp: string | undefined;
  /** `X-Slack-Signature`. */
  readonly signature: string | undefined;
  /** The bytes that came, before anything read them. */
  readonly rawBody: Uint8Array | string;
  /** ms since 1970 by the machine's clock, not by business time. */
  readonly now: number;
}

/**
 * Whether Slack sent this, and lately (signature `v0`). `stale` is said only of what Slack did sign. Whoever has a request
 * can send it again within the time: that it was not seen before is the caller's to check.
 */
export function verifySlackRequest({
  secret,
  timestamp,
  signature,
  rawBody,
  now,
}: SignedRequest): 'ok' | 'stale' | 'forged' {
  // An empty secret would be one that everybody has.
  if (secret === '' || timestamp === undefined || !/^[0-9]{1,12}$/.test(timestamp)) return 'forged';
  if (signature === undefined || !/^v0=[0-9a-f]{64}$/.test(signature)) return 'forged';
  const expected = createHmac('sha256', secret).update(`v0:${timestamp}:`).update(rawBody).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature.slice(3), 'hex'))) return 'forged';
  return Math.abs(now - Number(timestamp) * 1_000) > MAX_REQUEST_AGE_MS ? 'stale' : 'ok';
}
