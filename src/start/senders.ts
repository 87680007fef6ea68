import { addressClass, isThisMachine } from '../platform/address-class.ts';
import type { Config } from '../platform/config.ts';
import { safeHttp, type SafeHttp } from '../platform/safe-http.ts';
import type { Sender } from '../pipeline/notifications/contract.ts';

/** One message to one receiver, from connecting to the reply, in ms: a receiver that takes longer is tried again later. */
const SEND_TIMEOUT_MS = 10_000;
/** Biggest reply, in bytes: receivers of notices answer in a line. */
const MAX_REPLY_BYTES = 64 * 1024;
/** Connections to one receiver: all of them limit how fast they take messages. */
const CONNECTIONS = 4;

/**
 * The ways out that the environment names, in the order of `NOTICE_CHANNELS`. Only the code of these is loaded: a server without mail
 * has no mail client in its memory.
 */
export async function sendersOf(config: Config): Promise<readonly Sender[]> {
  const { mail, slackWebhook, slackSigningSecret, teamsWebhook, pagerDuty, webhook } = config.notifications;
  const senders: Sender[] = [];
  if (mail !== null) {
    const { mailSender } = await import('../connectors/mail/sender.ts');
    senders.push(mailSender({ ...mail, timeoutMs: SEND_TIMEOUT_MS }));
  }
  if (slackWebhook !== null) {
    const { slackSender } = await import('../connectors/slack/sender.ts');
    const http = clientFor(slackWebhook, config);
    senders.push(slackSender({ http, url: slackWebhook, buttons: slackSigningSecret !== null }));
  }
  if (teamsWebhook !== null) {
    const { teamsSender } = await import('../connectors/teams/sender.ts');
    senders.push(teamsSender({ http: clientFor(teamsWebhook, config), url: teamsWebhook }));
  }
  if (pagerDuty !== null) {
    const { pagerDutySender } = await import('../connectors/pagerduty/sender.ts');
    senders.push(pagerDutySender({ http: clientFor(pagerDuty.url, config), ...pagerDuty }));
  }
  if (webhook !== null) {
    const { webhookSender } = await import('../connectors/standard-webhook/sender.ts');
    // The wall clock, also where business time is accelerated: receivers compare it with theirs.
    senders.push(webhookSender({ http: clientFor(webhook.url, config), ...webhook, now: () => Date.now() }));
  }
  return senders;
}

/**
 * A client of its own for each, so that none may reach what another one may. Who writes a private address into the
 * environment means it; a name that leads to one needs `WEBHOOK_ALLOW`, for names are what attackers turn.
 */
function clientFor(url: string, { webhookAllow }: Config): SafeHttp {
  const { host, hostname } = new URL(url);
  const kind = addressClass(hostname.replace(/^\[|\]$/g, ''));
  const meant = isThisMachine(hostname) || kind === 'private' || kind === 'cgnat';
  return safeHttp({
    allow: meant ? [host, ...webhookAllow] : webhookAllow,
    connectionsPerOrigin: CONNECTIONS,
    totalTimeoutMs: SEND_TIMEOUT_MS,
    headersTimeoutMs: SEND_TIMEOUT_MS,
    maxResponseBytes: MAX_REPLY_BYTES,
  });
}
