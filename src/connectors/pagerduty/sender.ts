import { z } from 'zod';
import type { SafeHttp } from '../../platform/safe-http.ts';
import { SendError, type Sender } from '../../pipeline/notifications/contract.ts';
import { postJson } from '../post-json.ts';
import { pagerDutyEvents } from './events.ts';

export interface PagerDutySenderOptions {
  /** A client of its own, which this sender closes. */
  readonly http: SafeHttp;
  /** Where the Events API is, without a path. */
  readonly url: string;
  /** Integration key of the service. A secret. */
  readonly routingKey: string;
}

const REPLY = z.looseObject({ status: z.literal('success'), dedup_key: z.string().max(255).optional() });

/** A PagerDuty service. A repeat changes nothing: every event has the key of its alert. */
export function pagerDutySender({ http, url, routingKey }: PagerDutySenderOptions): Sender {
  return {
    channel: 'PAGERDUTY',
    async send(message, signal) {
      let reference: string | null = null;
      // One after the other: when one fails, the next try sends all of them again.
      for (const event of pagerDutyEvents(message)) {
        const body = JSON.stringify({ routing_key: routingKey, ...event });
        const reply = await postJson(http, { url: `${url}/v2/enqueue`, body, signal });
        reference = keyIn(reply.body.toString('utf8'));
      }
      return { reference };
    },
    close: () => http.close(),
  };
}

function keyIn(text: string): string | null {
  try {
    return REPLY.parse(JSON.parse(text)).dedup_key ?? null;
  } catch {
    throw new SendError('bad_reply', 'the reply is not that of the Events API', false);
  }
}
