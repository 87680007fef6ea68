import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLeftJournal } from '../support/personal.ts';
import { compiled, kill, proxyTo, start, type Program, type Proxy, type Strike } from '../support/killable.ts';
import { BASE, byHand } from '../support/playbooks.ts';
import { executionsOf, expectQuiet, expectReplays } from '../support/records.ts';
import { until } from '../support/server.ts';

/**
 * The real server process, killed with SIGKILL at ten moments at which calls of its executions were under way, and
 * started again on the same data. The sandbox company, a process of its own, has counted what was done to it.
 */

if (!compiled) process.stderr.write('SKIPPED: no server is killed, because dist/main.js is missing (npm run build)\n');

const TOKEN = 'a token for tests only';
/** 2026-03-01T00:00:00Z: where business time begins, here and in the sandbox company. */
const START_AT = 1_772_323_200_000;
/** Executions that each life of the server is given. */
const PEOPLE_PER_LIFE = 3;
/** How long the sandbox company thinks about a call, in ms: long enough that several are under way at any moment. */
const SLOW_MS = 25;
/** One call that takes longer than a restart: it lands when the next process has long been at work. */
const STRAGGLER_MS = 1_500;

/** Ten moments: the calls of a life are counted from when its executions have begun. */
const STRIKES: readonly (Strike & { readonly straggler?: boolean })[] = [
  { nth: 1, when: 'request' },
  { nth: 1, when: 'reply' },
  { nth: 3, when: 'request' },
  { nth: 5, when: 'reply' },
  { nth: 8, when: 'request', straggler: true },
  { nth: 10, when: 'reply' },
  { nth: 13, when: 'request' },
  { nth: 17, when: 'reply' },
  { nth: 22, when: 'request' },
  { nth: 28, when: 'reply' },
];

const PLAYBOOK = byHand('contain', [
  { actionId: 'kill', actionType: 'FULL_SESSION_KILL', stage: 1 },
  { actionId: 'notify', actionType: 'USER_NOTIFICATION', stage: 1, parameters: { title: 'Look', message: 'at this' } },
  { actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', stage: 2, requiresApproval: false },
  { actionId: 'log', actionType: 'ENHANCED_LOGGING', stage: 3 },
  { actionId: 'block', actionType: 'IPBLACKLIST_ADD', stage: 3, target: '{{event.ip}}' },
]);

interface Ledger {
  readonly effects: readonly { readonly effect: string; readonly target: string; readonly key: string | null }[];
  readonly requests: number;
  readonly repeats: number;
}

let dataDir: string;
let sandbox: Program;
let proxy: Proxy;
let server: Program;
let key = '';

beforeAll(async () => {
  if (!compiled) return;
  dataDir = mkdtempSync(join(tmpdir(), 'firebreak-sigkill-'));
  const environment = { SANDBOX_TOKEN: TOKEN, SANDBOX_EMPTY: '1', SANDBOX_NOW: String(START_AT) };
  sandbox = await start('sandbox-company/process', [], environment);
  proxy = await proxyTo(String(sandbox.ready['url']));
});
afterAll(async () => {
  if (!compiled) return;
  await kill(server);
  await kill(sandbox);
  await proxy.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function serve(): Promise<Program> {
  const at = new Date(START_AT).toISOString();
  const clock = ['--clock', 'accelerated', '--start-at', at];
  const args = ['serve', '--data', dataDir, '--port', '0', '--sandbox', proxy.url, ...clock];
  return start('main', args, { SANDBOX_TOKEN: TOKEN, LOG_LEVEL: 'error' });
}

async function ask(base: string, token: string, method: string, path: string, body?: object): Promise<unknown> {
  const reply = await fetch(`${base}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await reply.json();
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(answer)}`);
  return answer;
}

const api = (method: string, path: string, body?: object) =>
  ask(String(server.ready['url']), key, method, path, body) as Promise<{
    data: { key: { secret: string } };
    total: number;
  }>;
const company = (method: string, path: string, body?: object) =>
  ask(String(sandbox.ready['url']), TOKEN, method, path, body);

/** Each person is of one execution only, so that an effect that was done twice cannot pass for another's. */
function person(number: number): { readonly id: string; readonly ip: string } {
  return { id: `person${number}@company.test`, ip: `81.2.69.${number + 1}` };
}

async function giveWork(life: number): Promise<void> {
  for (let each = 0; each < PEOPLE_PER_LIFE; each += 1) {
    const { id, ip } = person(life * PEOPLE_PER_LIFE + each);
    const sessions = [{ ip, country: 'DE', deviceId: null }];
    await company('POST', '/seed', { users: [{ id, homeCountry: 'DE', sessions }] });
    await api('POST', `${BASE}/executions/trigger`, { playbookId: 'contain', userId: id, triggerEvent: { ip } });
  }
}

/** Executions that were begun and not ended, as the dead process left them. */
async function unfinished(): Promise<number> {
  const journal = await openJournal();
  const states = [...(await executionsOf(journal)).values()];
  await journal.close();
  return states.filter(({ ended }) => ended === null).length;
}

function openJournal() {
  const birth = { id: 'jrn_never', at: START_AT, accelerated: true };
  return openLeftJournal({ file: join(dataDir, 'journal.sqlite'), birth });
}

function firebreak(...args: string[]): { status: number | null; stdout: string } {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
}

describe.skipIf(!compiled)('SIGKILL', () => {
  it('at ten moments loses no effect, repeats none, and leaves records that verify and replay', async () => {
    server = await serve();
    const made = await api('POST', '/api/setup', {
      token: server.ready['setupToken'],
      user: { name: 'Ada Admin', email: 'ada@soc.example' },
    });
    key = made.data.key.secret;
    await api('POST', BASE, PLAYBOOK);
    await company('POST', '/faults', { kind: 'slow', ms: SLOW_MS });

    for (const [life, { straggler = false, ...strike }] of STRIKES.entries()) {
      await giveWork(life);
      if (straggler)
        await company('POST', '/faults', { kind: 'slow', ms: STRAGGLER_MS, match: { method: 'POST' }, times: 1 });
      const struck = await proxy.arm(strike, () => server.child.kill('SIGKILL'));
      await kill(server);
      expect(await unfinished(), `life ${life} was struck at ${struck}`).toBeGreaterThan(0);
      server = await serve();
    }

    const all = STRIKES.length * PEOPLE_PER_LIFE;
    await until('all executions have completed', async () => {
      const { total } = await api('GET', `${BASE}/executions?status=COMPLETED&limit=1`);
      return total === all ? total : null;
    });
    const { effects, requests, repeats } = (await company('GET', '/ledger')) as Ledger; // the sandbox's own shape
    const each = effects.map(({ effect, target }) => `${effect} ${target}`).sort();
    expect(each).toEqual(expectedEffects(all));
    const keys = effects.map((effect) => effect.key);
    expect(keys).not.toContain(null);
    expect(new Set(keys).size, 'one key, one effect').toBe(keys.length);
    expect(requests).toBeGreaterThanOrEqual(effects.length + repeats);

    server.child.kill('SIGTERM');
    await new Promise((resolve) => server.child.once('exit', resolve));
    const verified = firebreak('audit', 'verify', '--data', dataDir, '--json');
    expect(JSON.parse(verified.stdout), verified.stdout).toMatchObject({ intact: true });
    expect(verified.status).toBe(0);
    const journal = await openJournal();
    await expectQuiet(journal);
    await expectReplays(journal);
    await journal.close();
  });
});

function expectedEffects(people: number): string[] {
  const effects: string[] = [];
  for (let number = 0; number < people; number += 1) {
    const { id, ip } = person(number);
    for (const effect of ['account.suspend', 'logging.enhance', 'notification', 'session.kill']) {
      effects.push(`${effect} ${id}`);
    }
    effects.push(`ip.deny.add ${ip}`);
  }
  return effects.sort();
}
