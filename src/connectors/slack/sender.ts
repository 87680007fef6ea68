import type { SafeHttp } from '../../platform/safe-http.ts';
import { SendError, type Sender } from '../../pipeline/notifications/contract.ts';
import { postJson } from '../post-json.ts';
import { slackMessage } from './blocks.ts';

export interface SlackSenderOptions {
  /** A client of its own, which this sender closes. */
  readonly http: SafeHttp;
  /** Address of the incoming webhook. A secret. */
  readonly url: string;
  /** Whether people may answer by buttons: only where the answers can be checked. */
  readonly buttons: boolean;
}

/** A Slack channel, through its incoming webhook. A repeat is a second message: Slack takes no key. */
export function slackSender({ http, url, buttons }: SlackSenderOptions): Sender {
  return {
    channel: 'SLACK',
    async send(message, signal) {
      const reply = await postJson(http, { url, body: JSON.stringify(slackMessage(message, buttons)), signal });
      // Anything else is not Slack: a proxy, or a webhook that was taken over.
      if (reply.body.toString('latin1').trim() !== 'ok') {
        throw new SendError('bad_reply', 'the reply is not that of a Slack webhook', false);
      }
      return { reference: null };
    },
    close: () => http.close(),
  };
}
