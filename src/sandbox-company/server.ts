import { randomInt, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { sha256 } from '../platform/hash.ts';
import { createWorld, Refusal, type Change } from './company.ts';
import { controlAnswer, jsonAnswer, parsedJson, type Site } from './control.ts';
import { defaultCompany, seedUsers } from './default-company.ts';
import { defaultNetwork, seedNetwork } from './default-network.ts';
import { createFaults, type FaultRequest } from './faults.ts';
import { createLedger, DEFAULT_MAX_LEDGER_ENTRIES, fingerprintOf, type StoredReply } from './ledger.ts';
import { readBody } from './read-body.ts';
import { findRoute } from './routes.ts';
import { sendStream, type StreamReply } from './streams.ts';

export interface SandboxOptions {
  /** 0: any free port. Always on 127.0.0.1. */
  readonly port: number;
  /** Every request but GET /healthz carries it as `Authorization: Bearer`. At least 16 characters. */
  readonly token: string;
  /** Chooses the default company. */
  readonly seed?: number;
  /** Start without the default company; people come by POST /seed. */
  readonly empty?: boolean;
  /** Business time. After the first POST /clock that value counts and stands until the next one. */
  readonly clock: { now(): number };
  readonly maxLedgerEntries?: number;
  /** Six digits; the default is the operating system's cryptographic source. */
  readonly newCode?: () => string;
  /** Machine time of the `slow` faults; the default waits for real. */
  readonly wait?: (ms: number) => Promise<void>;
}

export interface SandboxCompany {
  readonly url: string;
  /** Ends it; open connections are cut. */
  stop(): Promise<void>;
}

/** The parts of a running company that only the service itself needs. */
interface Service extends Site {
  readonly tokenHash: Buffer;
  readonly newCode: () => string;
  readonly wait: (ms: number) => Promise<void>;
}

/** What a request came to; `cut` destroys the socket instead of answering. */
interface Answer extends StoredReply {
  readonly cut?: boolean;
  readonly delayMs?: number;
  /** Sent instead of `body`; breaks off after so many bytes. */
  readonly stream?: { readonly reply: StreamReply; readonly cutAfter: number | null };
}

/** Idle connections are kept longer than clients keep them, so that no request meets a closing socket; in ms. */
const KEEP_ALIVE_MS = 75_000;
/** Starts the service on 127.0.0.1. @throws Error when the token is too short or the port is taken */
export async function startSandboxCompany(options: SandboxOptions): Promise<SandboxCompany> {
  if (options.token.length < 16) throw new Error('the sandbox token has to have at least 16 characters');
  const site = createSite(options);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 60_000 }, (request, response) => {
    serve(site, request, response).catch(() => response.destroy());
  });
  server.maxConnections = 2_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => resolve());
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createSite(options: SandboxOptions): Service {
  let told: number | null = null;
  const site: Service = {
    world: createWorld(),
    ledger: createLedger(options.maxLedgerEntries ?? DEFAULT_MAX_LEDGER_ENTRIES),
    faults: createFaults(),
    tokenHash: sha256(options.token),
    newCode: options.newCode ?? (() => String(randomInt(1_000_000)).padStart(6, '0')),
    wait: options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    now: () => told ?? options.clock.now(),
    setNow: (now) => {
      told = now;
    },
  };
  if (options.empty !== true) {
    seedUsers(site.world, defaultCompany(options.seed ?? 1), site.now());
    seedNetwork(site.world, defaultNetwork(), site.now());
  }
  return site;
}

async function serve(site: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(site, request);
  } catch (error) {
    answer = refusalAnswer(error);
  }
  if (answer.delayMs !== undefined) await site.wait(answer.delayMs);
  if (answer.cut === true) {
    request.socket.destroy();
    return;
  }
  if (answer.stream !== undefined) return sendStream(response, answer.stream.reply, answer.stream.cutAfter);
  const length = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': length,
    // A body that was refused unread must not be taken for the next request.
    ...(answer.status === 413 ? { connection: 'close' } : {}),
    ...answer.headers,
  });
  response.end(answer.body);
}

function refusalAnswer(error: unknown): Answer {
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'internal', 'the sandbox made a mistake');
  const { code, message, pointer } = refusal;
  return jsonAnswer(refusal.status, { error: { code, message, ...(pointer === null ? {} : { pointer }) } });
}

async function answerTo(site: Service, request: IncomingMessage): Promise<Answer> {
  const method = request.method ?? 'GET';
  const [rawPath = '/', query = ''] = (request.url ?? '/').split('?', 2);
  if (rawPath === '/healthz' && method === 'GET') return jsonAnswer(200, { status: 'ok' });
  authenticate(site, request);
  const rawBody = await readBody(request);
  const segments = decodedSegments(rawPath);
  const control = controlAnswer(site, method, segments, query, rawBody);
  if (control !== null) return control;

  const found = findRoute(method, segments);
  if (found === 'none') throw new Refusal(404, 'not_found', 'there is no such path');
  if (found === 'method') throw new Refusal(405, 'method_not_allowed', 'not with this method');
  const key = keyOf(request);
  const asked: FaultRequest = { method, path: `/${segments.join('/')}`, key };
  const { route, params } = found;
  if (route.kind === 'change') site.ledger.countRequest(key);
  const early = await faultBefore(site, asked);
  if (early !== null) return early;

  if (route.kind === 'stream') {
    const changing = site.faults.take('changing_file', asked) !== null;
    const input = { world: site.world, now: site.now(), params, query: new URLSearchParams(query), changing };
    const reply = route.run(input);
    const cutAfter = site.faults.take('partial_stream', asked)?.afterBytes ?? null;
    return { status: 200, body: '', headers: {}, stream: { reply, cutAfter }, ...lateReply(site, asked) };
  }
  if (route.kind === 'read') {
    const reference = new URLSearchParams(query).get('reference');
    const world = site.faults.staleWorldFor(asked) ?? site.world;
    const { body, etag } = route.run({ world, now: site.now(), params, reference });
    return { ...jsonAnswer(200, body, etag === null ? {} : { etag: `"${etag}"` }), ...lateReply(site, asked) };
  }
  const ifMatch = request.headers['if-match'] ?? '';
  const fingerprint = fingerprintOf(method, asked.path, ifMatch, rawBody);
  const replay = key === null ? null : site.ledger.replayOf(key, fingerprint);
  const reply =
    replay ??
    applyChange(site, asked, fingerprint, ifMatch, (change, lie) =>
      route.run({ change, params, body: parsedJson(rawBody, route.path), rawBody, method, newCode: site.newCode, lie }),
    );
  if (site.faults.take('lost_reply', asked) !== null) return { ...reply, cut: true };
  return { ...reply, ...lateReply(site, asked) };
}

/** Does the work of one change, all or nothing, in one go without waiting: nothing comes in between. */
function applyChange(
  site: Service,
  asked: FaultRequest,
  fingerprint: string,
  ifMatch: string,
  work: (change: Change, lie: boolean) => object,
): StoredReply {
  const { key } = asked;
  site.ledger.assertRoom();
  const now = site.now();
  const change: Change = { world: site.world, now, key, ifMatch: versionOf(ifMatch), applied: [] };
  const reused = key !== null && site.ledger.isMismatch(key, fingerprint);
  // A conditional request under a used key is let through to its version check: 412 tells the caller to read again.
  if (reused && change.ifMatch === null) throw keyMismatch();
  const lie =
    asked.method === 'DELETE' && asked.path.endsWith('/sessions') && site.faults.take('lying_kill', asked) !== null;
  site.faults.beforeChange(site.world);
  if (reused) return refuseReuse(work, change, lie);
  const reply = jsonAnswer(200, work(change, lie));
  // A lie leaves no trace: no effect in the ledger, no reply under the key, so that a repeat may do the work.
  if (!lie) site.ledger.record(key, fingerprint, now, change.applied, reply);
  return reply;
}

function keyMismatch(): Refusal {
  return new Refusal(422, 'idempotency_mismatch', 'the idempotency key was used for another request');
}

/** Runs the checks of a change on a copy, so that its own refusal (412) wins over 422, and then refuses anyway. */
function refuseReuse(work: (change: Change, lie: boolean) => object, change: Change, lie: boolean): never {
  work({ ...change, world: structuredClone(change.world), applied: [] }, lie);
  throw keyMismatch();
}

function lateReply(site: Service, asked: FaultRequest): { delayMs?: number } {
  const late = site.faults.take('slow_reply', asked);
  return late === null ? {} : { delayMs: late.ms };
}

async function faultBefore(site: Service, asked: FaultRequest): Promise<Answer | null> {
  const limited = site.faults.take('rate_limited', asked);
  if (limited !== null) {
    const body = { error: { code: 'rate_limited', message: 'too many requests' } };
    return jsonAnswer(429, body, { 'retry-after': String(limited.retryAfterSeconds) });
  }
  if (site.faults.take('error_500', asked) !== null) {
    return jsonAnswer(500, { error: { code: 'internal', message: 'a fault was switched on' } });
  }
  const slow = site.faults.take('slow', asked);
  if (slow !== null) await site.wait(slow.ms);
  return null;
}

function authenticate(site: Service, request: IncomingMessage): void {
  const given = /^Bearer (.{1,500})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (!timingSafeEqual(sha256(given), site.tokenHash))
    throw new Refusal(401, 'unauthenticated', 'a bearer token is required');
}

function decodedSegments(rawPath: string): string[] {
  try {
    return rawPath.slice(1).split('/', 8).map(decodeURIComponent);
  } catch {
    throw new Refusal(400, 'invalid_path', 'the path is not well-formed');
  }
}

function keyOf(request: IncomingMessage): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new Refusal(400, 'invalid_key', 'Idempotency-Key is 1 to 200 visible ASCII characters');
  }
  return key;
}

function versionOf(ifMatch: string): number | null {
  if (ifMatch === '') return null;
  const version = /^"([0-9]{1,15})"$/.exec(ifMatch)?.[1];
  if (version === undefined) throw new Refusal(400, 'invalid_if_match', 'If-Match is one quoted version');
  return Number(version);
}
