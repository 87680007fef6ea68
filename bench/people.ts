import { z } from 'zod';
import { ownProgram, type Service, type Workshop } from './children.ts';
import { rowsInDatabase, rowsInFile } from './kept-rows.ts';
import { poster, runRate, type Poster } from './load.ts';
import { latencyOf, pause, rounded, type Latency } from './measure.ts';
import { oktaBatch } from './okta-events.ts';
import type { BenchOptions } from './options.ts';
import { approversOf, post, startProduct, type Product } from './product.ts';
import { openStorage, type Place, type Storage } from './storage.ts';

/** Requests to people in a second: a bad day of a large company, and above what two people could answer. */
const RATE = 8;
/** Fewest that are measured, whatever `--seconds` says: of fewer p99 says nothing. */
const LEAST = 500;
/** Ordinary events in a second, and requests that wait already, beside what is measured. */
const LOAD = { events: 50, waiting: 200 };
/** How long people look before they answer, in ms: what is answered before it could be told is not told. */
const READING_MS = 1_000;
/** How long the last messages and calls may take to come, in ms. */
const DRAIN_MS = 3_000;
const BASE = '/api/incident-playbooks';
const EVENTS = '/api/events?format=okta&source=okta%3Abench';

const gated = (playbookId: string) => ({
  playbookId,
  name: playbookId,
  playbookType: 'CUSTOM',
  severity: 'HIGH',
  rules: [],
  actions: [
    {
      actionId: 'tell',
      actionType: 'USER_NOTIFICATION',
      requiresApproval: true,
      approval: { roles: ['INCIDENT_COMMANDER'], requiredApprovers: 2 },
      parameters: { title: 'Unusual activity' },
    },
  ],
});

const STARTED = z.looseObject({ data: z.looseObject({ executionId: z.string() }) });
const APPROVALS = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });
const TOLD = z.looseObject({
  smtpPort: z.int(),
  slack: z.record(z.string(), z.string()),
  mail: z.record(z.string(), z.string()),
});
const FIRSTS = z.record(z.string(), z.string());

/** When a request was taken, and when the vote that decides it was sent. */
interface Times {
  acceptedAt: bigint;
  votedAt: bigint;
  /** False while it warms up. */
  readonly counts: boolean;
}

interface Level extends Latency {
  readonly maxMs: number;
  readonly samples: number;
}

/**
 * How long people wait for Firebreak and it for them: from the reply that takes a request to the first byte of what they are told, in
 * Slack's form and by mail, and from sending the last vote to the call of the action. Quiet, and beside other work.
 * @throws Error when nothing was done after the votes.
 */
export async function benchPeople(workshop: Workshop, options: BenchOptions): Promise<Record<string, unknown>> {
  const storage = await openStorage(workshop, options.db);
  const levels: Record<string, unknown> = {};
  for (const load of ['quiet', 'loaded'] as const) levels[load] = await measured(workshop, storage, options, load);
  return {
    bench: 'people',
    db: options.db,
    valid: true,
    requestsPerSecond: RATE,
    load: LOAD,
    ...levels,
    reference: await reference(workshop, storage),
    postgres: storage.about,
  };
}

async function measured(workshop: Workshop, storage: Storage, options: BenchOptions, load: 'quiet' | 'loaded') {
  const [stub, receivers] = [
    await workshop.start(ownProgram('stub.ts')),
    await workshop.start(ownProgram('receivers.ts')),
  ];
  const { smtpPort } = TOLD.parse(await got(receivers.url));
  const product = await startProduct(workshop, {
    program: options.program,
    profileDir: options.profileDir,
    targetUrl: stub.url,
    keys: 4,
    place: tellingPlace(await storage.newPlace(), receivers, smtpPort),
  });
  const { service, keys } = product;
  const approvers = await approversOf(product, 2);
  for (const id of ['people', 'others']) await post(service.url, BASE, keys[0] ?? '', gated(id));
  const sender = poster(service.url, 32);
  const stopping = new AbortController();
  const beside = load === 'loaded' ? await beginLoad(sender, product, stopping.signal) : null;
  const times = new Map<string, Times>();
  const seconds = Math.max(options.seconds, LEAST / RATE);
  const begin = performance.now() + options.warmup * 1_000;
  await runRate({
    rate: RATE,
    warmupMs: options.warmup * 1_000,
    measuredMs: seconds * 1_000,
    async turn(dueAt) {
      const userId = `people-${times.size}-`;
      const one = { acceptedAt: 0n, votedAt: 0n, counts: dueAt >= begin };
      times.set(userId, one);
      await requestAndVotes(sender, product, approvers, userId, one);
      return { acceptedMs: 0, completedMs: 0 };
    },
  });
  stopping.abort();
  await beside?.sent;
  await pause(DRAIN_MS);
  const told = TOLD.parse(await got(receivers.url));
  const firsts = FIRSTS.parse(await got(`${stub.url}/firsts`));
  await service.stop();
  await Promise.all([stub.stop(), receivers.stop()]);
  const counted = [...times].filter(([, { counts }]) => counts);
  const until = (times: Readonly<Record<string, string>>) =>
    counted.flatMap(([who, { acceptedAt }]) =>
      times[who] === undefined ? [] : [between(acceptedAt, times[who], who)],
    );
  return {
    requestToSlack: levelOf(until(told.slack)),
    requestToMail: levelOf(until(told.mail)),
    lastVoteToCall: levelOf(counted.map(([who, { votedAt }]) => between(votedAt, firsts[who], who))),
    // Beyond the twentieth of a digest, or decided before it could be told: only on a machine that stands still for a second.
    notNamed: { slack: counted.length - until(told.slack).length, mail: counted.length - until(told.mail).length },
  };
}

/** A limit of messages would be measured otherwise: it is there for people, and two of them do not read eight a second. */
function tellingPlace(place: Place, receivers: Service, smtpPort: number): Place {
  const telling = {
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: String(smtpPort),
    SMTP_TLS: 'none',
    NOTIFICATION_EMAIL_FROM: 'alerts@example.org',
    NOTIFICATION_SLACK_WEBHOOK: `${receivers.url}/services/T/B/x`,
    NOTIFICATION_MESSAGES_PER_MINUTE: '6000',
  };
  return { ...place, env: { ...place.env, ...telling } };
}

async function requestAndVotes(
  { post: send }: Poster,
  { service, keys }: Product,
  [first = '', last = '']: readonly string[],
  userId: string,
  times: Times,
): Promise<void> {
  const key = keys[0] ?? '';
  const started = await send(
    `${BASE}/executions/trigger`,
    key,
    JSON_TYPE,
    JSON.stringify({ playbookId: 'people', userId }),
  );
  times.acceptedAt = process.hrtime.bigint();
  const { executionId } = STARTED.parse(JSON.parse(started)).data;
  const approvalId = await untilAsked(service.url, key, executionId);
  await pause(READING_MS);
  await send(`${BASE}/approvals/${approvalId}/approve`, first, JSON_TYPE, '{}');
  times.votedAt = process.hrtime.bigint();
  await send(`${BASE}/approvals/${approvalId}/approve`, last, JSON_TYPE, '{}');
}

const JSON_TYPE = 'application/json';

async function untilAsked(url: string, key: string, executionId: string): Promise<string> {
  for (const until = performance.now() + DRAIN_MS; performance.now() < until; await pause(10)) {
    const { data } = APPROVALS.parse(await got(`${url}${BASE}/approvals?executionId=${executionId}`, key));
    const [approval] = data;
    if (approval !== undefined) return approval.id;
  }
  throw new Error(`nobody was asked by ${executionId}`);
}

/** Requests that wait, and from then on ordinary events until `closing`. */
async function beginLoad({ post: send }: Poster, { keys }: Product, closing: AbortSignal) {
  const key = keys[1] ?? '';
  for (let index = 0; index < LOAD.waiting; index += 1) {
    const body = JSON.stringify({ playbookId: 'others', userId: `waits-${index}` });
    await send(`${BASE}/executions/trigger`, key, JSON_TYPE, body);
  }
  await pause(DRAIN_MS);
  const startAt = Date.now() - 3_600_000;
  const sendAll = async (): Promise<void> => {
    const began = performance.now();
    for (let number = 0; !closing.aborted; number += 1) {
      const dueAt = began + (number * 1_000) / LOAD.events;
      await pause(Math.max(0, dueAt - performance.now()));
      // A key of each may send twenty times a second.
      await send(EVENTS, keys[number % keys.length] ?? '', 'application/x-ndjson', oktaBatch(number, 1, startAt));
    }
  };
  return { sent: sendAll() };
}

/** What any of it costs at least here: one commit that is on disk, and one POST over the loopback. */
async function reference(workshop: Workshop, storage: Storage): Promise<Level> {
  const stub = await workshop.start(ownProgram('stub.ts'));
  const place = await storage.referencePlace();
  const keep = storage.kind === 'sqlite' ? rowsInFile(place) : await rowsInDatabase(place);
  const { post: send } = poster(stub.url, 1);
  const durations: number[] = [];
  for (let index = 0; index < LEAST; index += 1) {
    const began = process.hrtime.bigint();
    await keep(`row-${index}`, 1);
    await send(`/users/reference-${index}/notifications`, 'none', JSON_TYPE, '{}');
    durations.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
  await stub.stop();
  return levelOf(durations);
}

async function got(url: string, key?: string): Promise<unknown> {
  const reply = await fetch(url, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
  return reply.json();
}

/** What leaves before the reply counts as 0: both follow from the same commit. */
function between(from: bigint, to: string | undefined, who: string): number {
  if (to === undefined) throw new Error(`nothing came about ${who}`);
  return Math.max(0, Number(BigInt(to) - from) / 1e6);
}

function levelOf(durations: readonly number[]): Level {
  return { ...latencyOf(durations), maxMs: rounded(Math.max(...durations), 2), samples: durations.length };
}
