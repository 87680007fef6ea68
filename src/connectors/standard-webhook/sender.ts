import { Webhook } from 'standardwebhooks';
import type { SafeHttp } from '../../platform/safe-http.ts';
import type { Sender } from '../../pipeline/notifications/contract.ts';
import { postJson } from '../post-json.ts';
import { webhookPayload } from './payload.ts';

export interface WebhookSenderOptions {
  /** A client of its own, which this sender closes. */
  readonly http: SafeHttp;
  /** Address of the receiver. A secret, for many have a token in it. */
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  /** ms since 1970 by the machine's clock: receivers compare it with theirs. */
  readonly now: () => number;
}

/** A receiver of Standard Webhooks. Every try has the same `webhook-id`, by which the receiver drops a repeat. */
export function webhookSender({ http, url, secret, now }: WebhookSenderOptions): Sender {
  const signer = new Webhook(secret);
  return {
    channel: 'WEBHOOK',
    async send(message, signal) {
      const at = now();
      const body = webhookPayload(message, at);
      const headers = {
        'webhook-id': message.id,
        'webhook-timestamp': String(Math.floor(at / 1_000)),
        'webhook-signature': signer.sign(message.id, new Date(at), body),
      };
      await postJson(http, { url, body, headers, signal });
      return { reference: null };
    },
    close: () => http.close(),
  };
}
