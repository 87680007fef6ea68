import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startHarness, until, type Harness } from '../support/server.ts';

/** The commands of the guide, run as they stand there. Slack is a FAKE: a server that takes messages, and this test, which presses their buttons. */

const GUIDE = 'docs/guides/approvals.md';
const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
const commands = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

let house: Harness;
let slack: Receiver;
let folder: string;
beforeAll(async () => {
  slack = await startReceiver({ status: 200, body: 'ok' });
  house = await startHarness({
    env: {
      NOTIFICATION_SLACK_WEBHOOK: `${slack.origin}/services/T0/B0/x`,
      SLACK_SIGNING_SECRET: SECRET,
      PUBLIC_URL: 'https://firebreak.soc.example',
    },
  });
  folder = mkdtempSync(join(tmpdir(), 'firebreak-guide-'));
});
afterAll(async () => {
  await house.stop();
  await slack.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Block {
  readonly type: string;
  readonly elements?: readonly { readonly action_id: string; readonly value?: string }[];
}

/** What the Approve button of the newest request in the channel carries. */
function button(): string | null {
  const messages = slack.received.map(({ body }) => JSON.parse(body) as { readonly blocks: readonly Block[] });
  const pressed = messages
    .flatMap(({ blocks }) => blocks.flatMap(({ elements = [] }) => elements))
    .findLast(({ action_id: name }) => name === 'firebreak_approve');
  return pressed?.value ?? null;
}

/** Presses Approve as a Slack account, as Slack would send it. */
async function press(user: string, value: string): Promise<string> {
  const actions = [{ type: 'button', action_id: 'firebreak_approve', value, action_ts: '1700000000.1' }];
  const payload = { type: 'block_actions', user: { id: user }, team: { id: 'T024BE7LD' }, actions };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', SECRET).update(`v0:${timestamp}:${body}`).digest('hex');
  const reply = await fetch(`${house.url}/api/slack/interactions`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
    },
  });
  return ((await reply.json()) as { readonly text: string }).text; // what our route answers
}

describe('the guide to approvals', () => {
  it('does what it says', async () => {
    expect(commands.length).toBe(5);
    const vera = await house.person('SECURITY_ADMIN');
    const ines = await house.person('INCIDENT_COMMANDER');
    await house.person('CISO');
    const env = {
      ...process.env,
      FIREBREAK_URL: house.url,
      ADMIN_KEY: house.admin.key,
      VERA_ID: vera.id,
      INES_ID: ines.id,
    };
    const run = (...blocks: readonly string[]) =>
      promisify(execFile)('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], { cwd: folder, env });
    const said = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8'));
    await run(...commands.slice(0, 4));
    expect(said('tried').data).toMatchObject({ kind: 'test', channel: 'SLACK' });
    expect(said('policy').warnings).toBeUndefined();
    expect(said('evaluated').data).toMatchObject({ needsApproval: true });

    const value = await until('the channel has the request', async () => button());
    expect(await press('U0NOBODY', value)).toContain('linked to nobody');
    expect(await press('U0VERA', value)).toContain('others have to answer too');
    expect(await press('U0INES', value)).toContain('it is APPROVED');
    await run('execution=$(node -p \'JSON.parse(fs.readFileSync("asked.json")).data.executionId\')', commands[4] ?? '');
    expect(said('decided').data).toMatchObject([
      {
        status: 'APPROVED',
        votes: [
          { userId: vera.id, provenBy: 'slack' },
          { userId: ines.id, provenBy: 'slack' },
        ],
      },
    ]);
    expect(await house.settled(said('asked').data.executionId)).toMatchObject({ status: 'COMPLETED' });
  });
});
