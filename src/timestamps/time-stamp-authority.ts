import { FirebreakError } from '../platform/errors.ts';
import type { SafeHttp } from '../platform/safe-http.ts';
import { NONCE_BYTES, QUERY_TYPE, REPLY_TYPE, timeStampRequest } from './time-stamp-request.ts';
import { openTimeStamp, tokenOf, type TimeStamp } from './time-stamp.ts';

/** How far the authority's clock may be from ours when it answers, in ms: more, and one of the two is wrong. */
export const MAX_STAMP_SKEW_MS = 5 * 60_000;

export interface AuthorityPorts {
  readonly url: string;
  /** Certificates that its own must lead to, in PEM, one each. */
  readonly roots: readonly string[];
  readonly http: SafeHttp;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Wall time, ms since 1970: what the authority's time is held against. */
  readonly wallNow: () => number;
}

/** A token as it came and what it says. */
export interface Stamped {
  /** DER. */
  readonly token: Buffer;
  readonly stamp: TimeStamp;
}

export interface TimeStampAuthority {
  /** The host that is asked, for records and messages. */
  readonly name: string;
  /**
   * Has the authority stamp the SHA-256 of `data`, and believes nothing of the answer that it cannot check.
   *
   * @throws HttpError when there is no answer; FirebreakError `store_unavailable` when it is none that can be believed.
   */
  stamp(data: Uint8Array): Promise<Stamped>;
}

/** An authority behind an address (RFC 3161 section 3.4: one POST each). */
export function timeStampAuthority(ports: AuthorityPorts): TimeStampAuthority {
  const name = new URL(ports.url).host;
  const refuse = (why: string): FirebreakError =>
    new FirebreakError('store_unavailable', `The time stamp of ${name} cannot be believed: ${why}.`);
  return {
    name,
    async stamp(data) {
      const nonce = ports.randomBytes(NONCE_BYTES);
      const reply = await ports.http.request({
        method: 'POST',
        url: ports.url,
        headers: { 'content-type': QUERY_TYPE, accept: REPLY_TYPE },
        body: timeStampRequest(data, nonce),
      });
      if (reply.status !== 200) throw refuse(`it answered ${reply.status}`);
      const found = tokenOf(reply.body);
      if ('problem' in found) throw refuse(found.problem);
      const opened = await openTimeStamp(found.token, data, { roots: ports.roots, nonce });
      if (!opened.ok) throw refuse(opened.problem);
      const skew = Math.abs(opened.stamp.genTime - ports.wallNow());
      if (skew > MAX_STAMP_SKEW_MS) throw refuse(`its time is ${Math.round(skew / 1_000)} s from ours`);
      return { token: found.token, stamp: opened.stamp };
    },
  };
}
