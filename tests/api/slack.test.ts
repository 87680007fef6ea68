import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, verified } from '../support/server.ts';

/** Requests as Slack sends them: signed, as forms. Slack itself is not here; its signature is made as its documentation says. */

const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';

let house: Harness;
let requester: Person;
let voter: Person;
beforeAll(async () => {
  house = await startHarness({ env: { SLACK_SIGNING_SECRET: SECRET } });
  requester = await house.person('INCIDENT_COMMANDER');
  voter = await house.person('SECURITY_ADMIN', { linkedAccounts: ['slack:T1/U1'] });
  await house.person('INCIDENT_COMMANDER', { linkedAccounts: ['slack:T1/U2'] });
  await house.person('AUDITOR', { linkedAccounts: ['slack:T1/U3'] });
  await house.admin.api('POST', BASE, byHand('waits', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

let asked = 0;
async function requested(userId = `user-${(asked += 1)}`) {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'waits', userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await voter.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  const { id, intentHash } = body.data[0];
  const show = async () => (await voter.api('GET', `${BASE}/approvals/${id}`)).body.data;
  return { approvalId: id as string, executionId: executionId as string, intentHash: intentHash as string, show };
}

interface Signing {
  readonly secret?: string;
  readonly at?: number;
  readonly signature?: string;
}

async function send(path: string, form: Record<string, string>, signing: Signing = {}) {
  const body = new URLSearchParams(form).toString();
  const timestamp = String(Math.floor((signing.at ?? Date.now()) / 1_000));
  const made = createHmac('sha256', signing.secret ?? SECRET)
    .update(`v0:${timestamp}:${body}`)
    .digest('hex');
  const reply = await fetch(`${house.url}${path}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signing.signature ?? `v0=${made}`,
    },
  });
  const text = await reply.text();
  return { status: reply.status, body: text === '' ? {} : JSON.parse(text) };
}

let pressedAt = 0;
function press(
  request: Awaited<ReturnType<typeof requested>>,
  user = 'U1',
  action = 'firebreak_approve',
  signing: Signing = {},
) {
  const { approvalId, executionId, intentHash } = request;
  const value = JSON.stringify({ approvalId, executionId, intentHash });
  const action_ts = `1700000000.${(pressedAt += 1)}`;
  const payload = {
    type: 'block_actions',
    user: { id: user },
    team: { id: 'T1' },
    actions: [{ type: 'button', action_id: action, value, action_ts }],
  };
  return send('/api/slack/interactions', { payload: JSON.stringify(payload) }, signing);
}
const command = (text: string, user = 'U1') =>
  send('/api/slack/commands', { user_id: user, team_id: 'T1', text, trigger_id: String((pressedAt += 1)) });

describe('a button in Slack', () => {
  it('is the vote of the person to whom the Slack account is linked', async () => {
    const request = await requested('anna');
    expect(await press(request)).toMatchObject({
      status: 200,
      body: { response_type: 'ephemeral', text: expect.stringContaining('others have to answer too') },
    });
    expect(await press(request, 'U2')).toMatchObject({ body: { text: expect.stringContaining('it is APPROVED') } });
    expect((await request.show()).votes).toMatchObject([
      { userId: voter.id, decision: 'APPROVE', provenBy: 'slack' },
      { decision: 'APPROVE', provenBy: 'slack' },
    ]);
    expect(await house.settled(request.executionId)).toMatchObject({ status: 'COMPLETED' });
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('denies', async () => {
    const request = await requested();
    await press(request, 'U1', 'firebreak_deny');
    expect(await request.show()).toMatchObject({ status: 'DENIED' });
  });

  it.each([
    ['an account that is linked to nobody', 'U9', 'linked to nobody'],
    ['somebody whose role may not vote', 'U3', 'approval.vote'],
  ])('does not count from %s', async (_what, user, why) => {
    const request = await requested();
    expect(await press(request, user)).toMatchObject({ status: 200, body: { text: expect.stringContaining(why) } });
    expect((await request.show()).votes).toEqual([]);
  });

  it('does not count for what was not asked', async () => {
    const request = await requested();
    const reply = await press({ ...request, intentHash: '0'.repeat(64) });
    expect(reply).toMatchObject({
      status: 200,
      body: { text: expect.stringContaining('Not done: What is to be approved') },
    });
    expect((await request.show()).votes).toEqual([]);
  });

  it('does not count when Slack did not sign it, or not now', async () => {
    const request = await requested();
    const cases: readonly Signing[] = [
      { secret: 'x'.repeat(32) },
      { signature: `v0=${'0'.repeat(64)}` },
      { signature: '' },
      { at: Date.now() - 301_000 },
      { at: Date.now() + 360_000 },
    ];
    for (const signing of cases) {
      expect(await press(request, 'U1', 'firebreak_approve', signing)).toMatchObject({ status: 401 });
    }
    expect((await request.show()).votes).toEqual([]);
  });

  it('counts once: the same request is refused when it comes again', async () => {
    const request = await requested();
    const at = Date.now();
    const form = {
      payload: JSON.stringify({
        type: 'block_actions',
        user: { id: 'U1' },
        team: { id: 'T1' },
        actions: [
          {
            type: 'button',
            action_id: 'firebreak_deny',
            value: JSON.stringify({
              approvalId: request.approvalId,
              executionId: request.executionId,
              intentHash: request.intentHash,
            }),
            action_ts: '1700000001.1',
          },
        ],
      }),
    };
    expect(await send('/api/slack/interactions', form, { at })).toMatchObject({ status: 200 });
    expect(await send('/api/slack/interactions', form, { at })).toMatchObject({ status: 409 });
    expect((await request.show()).votes).toHaveLength(1);
  });

  it('refuses what is no form of Slack’s', async () => {
    expect(await send('/api/slack/interactions', { payload: '{}' })).toMatchObject({ status: 400 });
    expect(await send('/api/slack/commands', { text: 'list' })).toMatchObject({ status: 400 });
  });
});

describe('the slash command', () => {
  it('lists what waits, and takes an answer to what it listed', async () => {
    const request = await requested();
    const { body } = await command('list');
    const line = String(body.text)
      .split('\n')
      .find((each) => each.startsWith(request.approvalId));
    expect(line).toContain(`${request.approvalId} ${request.intentHash.slice(0, 12)} `);
    const [id, hash] = (line ?? '').split(' ');
    expect((await command(`approve ${id} ${'0'.repeat(12)}`)).body.text).toContain('has changed since it was listed');
    expect((await command(`deny ${id} ${hash} not this one`)).body.text).toContain('it is DENIED');
    expect((await request.show()).votes).toMatchObject([{ comment: 'not this one', provenBy: 'slack' }]);
    expect((await command('approve everything')).body.text).toContain('Commands:');
    expect((await command('list', 'U9')).body.text).toContain('linked to nobody');
  });
});
