import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startMailServer } from '../../tests/support/mail-server.ts';
import { messageOf } from '../../tests/support/notices.ts';
import { startReceiver } from '../../tests/support/receiver.ts';
import { readConfig } from '../platform/config.ts';
import type { Sender } from '../pipeline/notifications/contract.ts';
import { sendersOf } from './senders.ts';

const never = new AbortController().signal;
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function sendersFor(env: Record<string, string>): Promise<readonly Sender[]> {
  const senders = await sendersOf(readConfig(env, () => '').config);
  closing.push(() => Promise.all(senders.map((sender) => sender.close())));
  return senders;
}

describe('the senders', () => {
  it('are none without their variables', async () => {
    expect(await sendersFor({})).toEqual([]);
  });

  it('reach what the environment names, each by its own way', async () => {
    const mail = await startMailServer({ disabledCommands: ['STARTTLS'] });
    const slack = await startReceiver({ status: 200, body: 'ok' });
    const teams = await startReceiver({ status: 202 });
    const pagerDuty = await startReceiver({ status: 202, body: '{"status":"success"}' });
    const webhook = await startReceiver({ status: 200 });
    closing.push(...[mail, slack, teams, pagerDuty, webhook].map((server) => () => server.close()));
    const senders = await sendersFor({
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(mail.port),
      SMTP_TLS: 'none',
      NOTIFICATION_EMAIL_FROM: 'alerts@example.org',
      NOTIFICATION_SLACK_WEBHOOK: `${slack.origin}/slack`,
      SLACK_SIGNING_SECRET: '8f742231b10e8888abcd99yyyzzz85a5',
      NOTIFICATION_TEAMS_WEBHOOK: `${teams.origin}/teams`,
      PAGERDUTY_ROUTING_KEY: 'a'.repeat(32),
      PAGERDUTY_URL: pagerDuty.origin,
      NOTIFICATION_WEBHOOK_URL: `${webhook.origin}/hook`,
      NOTIFICATION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    });
    const toContacts = ['ENCRYPTED_EMAIL', 'SECURE_PORTAL'];
    const channels = senders.map(({ channel }) => channel);
    expect(channels.toSorted()).toEqual([...toContacts, 'EMAIL', 'SLACK', 'TEAMS', 'PAGERDUTY', 'WEBHOOK'].toSorted());
    for (const sender of senders) if (!toContacts.includes(sender.channel)) await sender.send(messageOf(), never);
    expect(mail.mails).toHaveLength(1);
    expect([slack, teams, pagerDuty, webhook].map(({ received }) => received.map(({ path }) => path))).toEqual([
      ['/slack'],
      ['/teams'],
      ['/v2/enqueue'],
      ['/hook'],
    ]);
    expect(slack.received[0]?.body).toContain('firebreak_approve');
    const [received] = webhook.received;
    const timestamp = String(received?.headers['webhook-timestamp']);
    const signed = `msg_1.${timestamp}.${received?.body}`;
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    expect(received?.headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(Math.abs(Number(timestamp) * 1_000 - Date.now())).toBeLessThan(60_000);
  });

  it('offer no buttons in Slack where answers cannot be checked', async () => {
    const slack = await startReceiver({ status: 200, body: 'ok' });
    closing.push(() => slack.close());
    const [sender] = await sendersFor({ NOTIFICATION_SLACK_WEBHOOK: slack.origin });
    await sender?.send(messageOf(), never);
    expect(slack.received[0]?.body).not.toContain('firebreak_approve');
  });

  it.each(['https://169.254.169.254/x', 'https://[fe80::1]/x', 'https://100.100.100.200/x'])(
    'do not go to %s, whoever wrote it',
    async (url) => {
      const [sender] = await sendersFor({ NOTIFICATION_SLACK_WEBHOOK: url });
      await expect(sender?.send(messageOf(), never)).rejects.toMatchObject({
        code: 'address_refused',
        retryable: false,
      });
    },
  );

  it('load the mail client only where there is mail', async () => {
    let loaded = false;
    vi.resetModules();
    vi.doMock('nodemailer', async (original) => {
      loaded = true;
      return original();
    });
    const fresh = await import('./senders.ts');
    const opened = async (env: Record<string, string>) => {
      const senders = await fresh.sendersOf(readConfig(env, () => '').config);
      await Promise.all(senders.map((sender) => sender.close()));
    };
    await opened({ NOTIFICATION_TEAMS_WEBHOOK: 'https://teams.example.org/x' });
    expect(loaded).toBe(false);
    await opened({ SMTP_HOST: 'mail.example.org', NOTIFICATION_EMAIL_FROM: 'alerts@example.org' });
    expect(loaded).toBe(true);
    vi.doUnmock('nodemailer');
  });
});
