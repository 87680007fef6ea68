import type { Config } from '../platform/config.ts';
import { isContactChannel, type Sender } from '../pipeline/notifications/contract.ts';
import { clientFor } from './client-for.ts';

/** One message to one receiver, from connecting to the reply, in ms: a receiver that takes longer is tried again later. */
const SEND_TIMEOUT_MS = 10_000;
/** Connections to one receiver: all of them limit how fast they take messages. */
const CONNECTIONS = 4;
const LIMITS = { timeoutMs: SEND_TIMEOUT_MS, connections: CONNECTIONS };

/**
 * The ways out that the environment names, in the order of `CHANNELS`. Only the code of these is loaded: a server without mail
 * has no mail client in its memory.
 */
export async function sendersOf(config: Config): Promise<readonly Sender[]> {
  const { mail, slackWebhook, slackSigningSecret, teamsWebhook, pagerDuty, webhook } = config.notifications;
  const senders: Sender[] = [];
  const contactSenders: Sender[] = [];
  if (mail !== null) {
    const { mailSender } = await import('../connectors/mail/sender.ts');
    const options = { ...mail, timeoutMs: SEND_TIMEOUT_MS };
    senders.push(mailSender(options));
    const { encryptedMailSender } = await import('../connectors/mail/encrypted-sender.ts');
    const { portalMailSender } = await import('../connectors/mail/portal-sender.ts');
    contactSenders.push(encryptedMailSender(options), portalMailSender(options));
  }
  if (slackWebhook !== null) {
    const { slackSender } = await import('../connectors/slack/sender.ts');
    const http = clientFor(slackWebhook, config, LIMITS);
    senders.push(slackSender({ http, url: slackWebhook, buttons: slackSigningSecret !== null }));
  }
  if (teamsWebhook !== null) {
    const { teamsSender } = await import('../connectors/teams/sender.ts');
    senders.push(teamsSender({ http: clientFor(teamsWebhook, config, LIMITS), url: teamsWebhook }));
  }
  if (pagerDuty !== null) {
    const { pagerDutySender } = await import('../connectors/pagerduty/sender.ts');
    senders.push(pagerDutySender({ http: clientFor(pagerDuty.url, config, LIMITS), ...pagerDuty }));
  }
  if (webhook !== null) {
    const { webhookSender } = await import('../connectors/standard-webhook/sender.ts');
    // The wall clock, also where business time is accelerated: receivers compare it with theirs.
    senders.push(webhookSender({ http: clientFor(webhook.url, config, LIMITS), ...webhook, now: () => Date.now() }));
  }
  return [...senders, ...contactSenders];
}

/** Channels that lead to people here, in-app among them. */
export function peopleChannels(senders: readonly Pick<Sender, 'channel'>[]): readonly string[] {
  return ['IN_APP', ...senders.map(({ channel }) => channel).filter((channel) => !isContactChannel(channel))];
}
