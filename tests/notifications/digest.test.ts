import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMailServer, readMail, type MailServer } from '../support/mail-server.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startHarness, until, type Harness, type Person } from '../support/server.ts';

/** A campaign of 500 accounts over the real server, a real mail server and a receiver in Slack's place. */

const ACCOUNTS = 500;
/** Requests side by side: as fast as they come. */
const AT_ONCE = 25;

let house: Harness;
let mails: MailServer;
let slack: Receiver;
let requester: Person;
let approvers: readonly Person[];
beforeAll(async () => {
  [mails, slack] = await Promise.all([startMailServer(), startReceiver({ status: 200, body: 'ok' })]);
  house = await startHarness({
    env: {
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(mails.port),
      SMTP_TLS: 'none',
      NOTIFICATION_EMAIL_FROM: 'alerts@soc.example',
      NOTIFICATION_SLACK_WEBHOOK: `${slack.origin}/services/T/B/x`,
    },
  });
  requester = await house.person('SECURITY_ANALYST');
  approvers = await Promise.all([
    house.person('INCIDENT_COMMANDER', { email: 'one@soc.example' }),
    house.person('INCIDENT_COMMANDER', { email: 'two@soc.example' }),
  ]);
  const playbook = byHand('campaign', [{ ...SUSPEND_APPROVED, approval: { roles: ['INCIDENT_COMMANDER'] } }]);
  expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterAll(async () => {
  await house.stop();
  await Promise.all([mails.close(), slack.close()]);
});

async function triggerAll(): Promise<void> {
  const left = Array.from({ length: ACCOUNTS }, (_, index) => `account-${index}`);
  const worker = async (): Promise<void> => {
    for (let userId = left.shift(); userId !== undefined; userId = left.shift()) {
      const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'campaign', userId });
      expect(run.status).toBeLessThan(300);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe('a campaign of 500 accounts, each with a request of its own', () => {
  it('is one message to each receiver once it is seen to be a flood, and not 500', async () => {
    await triggerAll();
    await until('everything is told', async () => {
      const { body } = await house.admin.api('GET', '/api/notifications/deliveries?status=SENT&limit=1');
      return body.total === ACCOUNTS * 3 ? body : null;
    });
    const subjects = mails.mails.map(({ to, raw }) => [to[0], readMail(raw).header('subject')]);
    process.stdout.write(`messages: ${slack.received.length} Slack, ${JSON.stringify(subjects)}\n`);
    for (const person of ['one@soc.example', 'two@soc.example'])
      expect(subjects.filter(([to]) => to === person).length).toBeLessThanOrEqual(3);
    expect(slack.received.length).toBeLessThanOrEqual(3);
    const waiting = await approvers[0]?.api('GET', '/api/notifications?limit=1&status=UNREAD');
    expect(waiting?.body.total).toBe(ACCOUNTS);
  });
});
