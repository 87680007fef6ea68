import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Draw } from '../../torture/draw.ts';
import { BASE, byHand } from '../support/playbooks.ts';
import type { Ledger } from './ledger.ts';

/** What is asked of the server while its power is about to fail: executions by hand, events, accounts. */

/** Requests that are under way at once: several share a commit. */
const WORKERS = 4;
/** Events of one request; the largest fills the write-ahead log, so that it is copied back within one life. */
const EVENTS = [1, 20, 400] as const;
const BROKEN: readonly string[] = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];
/** Answers that are not about the request: too many of them, or the store is slow. */
const PASSING: readonly number[] = [429, 503];

const SETUP = z.looseObject({
  data: z.looseObject({ user: z.looseObject({ id: z.string() }), key: z.looseObject({ secret: z.string() }) }),
});
const CREATED = z.looseObject({ data: z.looseObject({ id: z.string() }) });
const TAKEN = z.looseObject({ data: z.looseObject({ accepted: z.int() }) });

const PLAYBOOK = byHand('contain', [
  { actionId: 'kill', actionType: 'FULL_SESSION_KILL', stage: 1 },
  { actionId: 'notify', actionType: 'USER_NOTIFICATION', stage: 1, parameters: { title: 'Look', message: 'at this' } },
  { actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', stage: 2, requiresApproval: false },
]);

export interface LoadPorts {
  readonly url: string;
  readonly key: string;
  readonly draw: Draw;
  readonly ledger: Ledger;
  /** A name that was never given before, also not in another life. */
  name(): string;
  /** People whom the sandbox company knows. */
  readonly people: string[];
  /** Called after each acknowledged request. */
  acknowledged(): void;
}

/** Makes the first account and the playbook. Answers with the account's key. */
export async function furnish(url: string, setupToken: string, ledger: Ledger): Promise<string> {
  const agent = new Agent();
  const user = { name: 'Ada Admin', email: 'ada@soc.example' };
  const made = SETUP.parse((await ask(url, '', '/api/setup', { token: setupToken, user }, agent)).body);
  ledger.note('account', [made.data.user.id]);
  const key = made.data.key.secret;
  const playbook = await ask(url, key, BASE, PLAYBOOK, agent);
  await agent.close();
  if (playbook.status !== 201) throw new Error(`no playbook: ${JSON.stringify(playbook)}`);
  ledger.note('playbook', ['contain']);
  return key;
}

/**
 * Asks until the server is gone. Everything that it acknowledges is in the ledger when it is heard.
 * @throws for an answer that no server should give.
 */
export async function load(ports: LoadPorts): Promise<void> {
  const agent = new Agent({ connections: WORKERS });
  try {
    await Promise.all(Array.from({ length: WORKERS }, () => work({ ...ports, agent, draw: ports.draw.branch() })));
  } finally {
    // A server that is asked to stop waits for connections that are kept alive.
    await agent.destroy();
  }
}

interface WorkerPorts extends LoadPorts {
  readonly agent: Agent;
}

async function work(ports: WorkerPorts): Promise<void> {
  const { draw, acknowledged } = ports;
  for (;;) {
    const kind = draw.integer(0, 9);
    const one = kind < 5 ? trigger(ports) : kind < 9 ? send(ports) : hire(ports);
    const goes = await one.catch((thrown: unknown) => {
      // The server is gone, and what it did with this request nobody was told.
      if (isBroken(thrown)) return false;
      throw thrown;
    });
    if (!goes) return;
    acknowledged();
  }
}

/** No reply, or half of one. */
function isBroken(thrown: unknown): boolean {
  if (thrown instanceof SyntaxError) return true;
  return thrown instanceof Error && 'code' in thrown && BROKEN.includes(String(thrown.code));
}

async function trigger({ url, key, ledger, people, agent }: WorkerPorts): Promise<boolean> {
  const userId = people.shift();
  if (userId === undefined) throw new Error('nobody is left to act on');
  const body = { playbookId: 'contain', userId, triggerEvent: { reason: 'a test' } };
  const reply = await ask(url, key, `${BASE}/executions/trigger`, body, agent);
  if (expected(reply, 201)) ledger.note('execution', [CREATED.parse(reply.body).data.id]);
  return true;
}

async function send({ url, key, ledger, draw, name, agent }: WorkerPorts): Promise<boolean> {
  const count = draw.pick(EVENTS);
  const ids = Array.from({ length: count }, name);
  const now = Date.now();
  const events = ids.map((id, index) => ({
    id,
    time: new Date(now - index * 1_000).toISOString(),
    kind: 'login',
    outcome: 'success',
    subject: `${id}@company.test`,
    ip: '81.2.69.142',
    userAgent: draw.integer(0, 2_000_000_000).toString(36).repeat(40),
  }));
  const reply = await ask(url, key, '/api/events?format=firebreak&source=power', events, agent);
  if (!expected(reply, 200)) return true;
  const { accepted } = TAKEN.parse(reply.body).data;
  if (accepted !== count) throw new Error(`${accepted} of ${count} events were accepted`);
  ledger.note('event', ids);
  return true;
}

async function hire({ url, key, ledger, name, agent }: WorkerPorts): Promise<boolean> {
  const account = { kind: 'service', name: name(), roles: ['SECURITY_ANALYST'] };
  const reply = await ask(url, key, '/api/users', account, agent);
  if (expected(reply, 201)) ledger.note('account', [CREATED.parse(reply.body).data.id]);
  return true;
}

function expected({ status, body }: Reply, wanted: number): boolean {
  if (status === wanted) return true;
  if (PASSING.includes(status)) return false;
  throw new Error(`answered ${status}: ${JSON.stringify(body).slice(0, 500)}`);
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

async function ask(url: string, key: string, path: string, body: object, dispatcher: Agent): Promise<Reply> {
  const reply = await request(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
    dispatcher,
  });
  return { status: reply.statusCode, body: await reply.body.json() };
}
