import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { auditVerifyCommand } from '../../src/cli/audit.ts';
import type { Io } from '../../src/cli/io.ts';
import { processIo } from '../../src/cli/io.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Fault } from '../../src/sandbox-company/faults.ts';
import { startSandboxCompany, type SandboxCompany } from '../../src/sandbox-company/server.ts';
import { startServer, type RunningServer } from '../../src/server.ts';

/** The real server with a real sandbox company in this process, over real HTTP. Only tests import this file. */

const SANDBOX_TOKEN = 'a token for tests only';
/** Business time at which accelerated servers begin: 2026-03-01T00:00:00Z. */
export const STARTED_AT = 1_772_323_200_000;
/** A cost of passwords that no test waits for: the real one is some 0.2 s of a core each time. */
export const CHEAP_PASSWORDS = { n: 1_024, r: 8, p: 1 };
/** How long something may take to come true, in ms of machine time: far above what a slow machine needs. */
const PATIENCE_MS = 60_000;

/** A reply with its body parsed; members are looked at through `data` and `problem` below. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

/** What any reply of the API may hold; tests say which members they expect. */
export interface Body {
  readonly success?: boolean;
  readonly count?: number;
  readonly total?: number;
  readonly limit?: number;
  readonly skip?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly in?: string; readonly pointer: string; readonly detail: string }[];
  readonly warnings?: readonly string[];
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers whose shape is what they assert
  readonly data?: any;
}

export type Api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;

export interface Person {
  readonly id: string;
  readonly key: string;
  readonly api: Api;
}

export interface Counts {
  readonly records: number;
  readonly events: number;
  readonly views: number;
  readonly objects: number;
}

export interface Harness {
  readonly url: string;
  readonly dataDir: string;
  readonly setupToken: string;
  /** The server's own table of its routes. */
  readonly routes: RunningServer['routes'];
  readonly waiting: RunningServer['waiting'];
  readonly sandbox: {
    readonly url: string;
    fault(fault: Fault): Promise<void>;
    clear(): Promise<void>;
    /** A call past the connector, as somebody else would make it. */
    call(method: string, path: string, body?: object): Promise<unknown>;
    /** Adds people to those that are there. */
    seed(users: readonly object[]): Promise<void>;
  };
  /** The first administrator, made with the set-up token. */
  readonly admin: Person;
  readonly anonymous: Api;
  apiOf(key: string): Api;
  person(role: Role, more?: { readonly email?: string; readonly linkedAccounts?: readonly string[] }): Promise<Person>;
  service(role: Role): Promise<Person>;
  /** Rows of the journal, read beside the server. Kept replies of idempotent requests are a cache and not counted. */
  counts(): Counts;
  /** The journal file on a connection of its own; closed with the harness. */
  database(): Database;
  /** The view of a sandbox user. @throws when there is none. */
  sandboxUser(id: string): Promise<{ readonly sessions: readonly { readonly endedAt?: unknown }[] }>;
  /** Waits until the execution is none of these any more; answers with it. */
  settled(executionId: string, busy?: readonly string[]): Promise<NonNullable<Body['data']>>;
  /** Resolves when the server has to start anew, because a journal that was set back was confirmed. */
  confirmed(): Promise<void>;
  /** Stops the server (the sandbox stays) and starts it again on the same data; `meanwhile` with no server on them. */
  restart(meanwhile?: () => void): Promise<void>;
  /** Stops the server only: its files stay until `stop`. */
  halt(): Promise<void>;
  stop(): Promise<void>;
}

export interface HarnessOptions {
  /** Business time jumps to the next timer when nothing is left to do. */
  readonly accelerated?: boolean;
  /** No sandbox company: only webhooks can be performed. */
  readonly withoutSandbox?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder to use instead of a temporary one; it is left where it is. */
  readonly dataDir?: string;
  /** Stands between the server and its journal. */
  readonly journalThrough?: (journal: Journal) => Journal;
  /** Makes the first administrator; its reply says who that is. */
  readonly setUp?: (fresh: FreshServer) => Promise<Reply>;
}

/** A server that has nobody yet. */
export interface FreshServer {
  readonly anonymous: Api;
  readonly setupToken: string;
  readonly dataDir: string;
}

const setUpOnce = ({ anonymous, setupToken }: FreshServer): Promise<Reply> =>
  anonymous('POST', '/api/setup', { token: setupToken, user: { name: 'Ada Admin', email: 'ada@soc.example' } });

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'firebreak-test-'));
  const company = await startSandboxCompany({
    port: 0,
    token: SANDBOX_TOKEN,
    clock: options.accelerated === true ? { now: () => STARTED_AT } : { now: () => Date.now() },
  });
  const cleanUp = async (): Promise<void> => {
    await company.stop();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  let server = await serve(dataDir, company, options).catch(async (thrown: unknown) => {
    await cleanUp();
    throw thrown;
  });
  const { setupToken } = server;
  if (setupToken === null) throw new Error('a fresh server prints a set-up token');
  const apiOf = (key: string | null): Api => apiAt(() => server.url, key);
  const anonymous = apiOf(null);
  const made = await (options.setUp ?? setUpOnce)({ anonymous, setupToken, dataDir });
  if (made.status !== 201) throw new Error(`set-up failed: ${made.text}`);
  const admin: Person = {
    id: made.body.data.user.id,
    key: made.body.data.key.secret,
    api: apiOf(made.body.data.key.secret),
  };
  let open: Database | null = null;
  const sandboxCall = sandboxAt(company);
  const database = (): Database => {
    open ??= openJournalFile(dataDir);
    return open;
  };
  let accounts = 0;
  const account = async (kind: 'person' | 'service', role: Role, more: object): Promise<Person> => {
    accounts += 1;
    const given = { kind, name: `${role} ${accounts}`, roles: [role] };
    const email = kind === 'person' ? { email: `person${accounts}@soc.example` } : {};
    const user = await admin.api('POST', '/api/users', { ...given, ...email, ...more });
    if (user.status !== 201) throw new Error(`no ${kind}: ${user.text}`);
    const { id } = user.body.data;
    const secret = kind === 'person' ? await ownKey({ admin: admin.api, anonymous }, id) : await keyFor(admin.api, id);
    return { id, key: secret, api: apiOf(secret) };
  };
  return {
    get url() {
      return server.url;
    },
    dataDir,
    setupToken,
    get routes() {
      return server.routes;
    },
    waiting: () => server.waiting(),
    sandbox: {
      url: company.url,
      fault: async (fault) => void (await sandboxCall('POST', '/faults', fault)),
      clear: async () => void (await sandboxCall('DELETE', '/faults')),
      call: (method, path, body) => sandboxCall(method, path, body),
      seed: async (users) => void (await sandboxCall('POST', '/seed', { users })),
    },
    admin,
    anonymous,
    apiOf,
    person: (role, more = {}) => account('person', role, more),
    service: (role) => account('service', role, {}),
    counts: () => countsOf(database()),
    database,
    async sandboxUser(id) {
      const { user } = (await sandboxCall('GET', `/users/${id}`)) as { user: { sessions: { endedAt?: unknown }[] } }; // the sandbox's own shape
      return user;
    },
    settled: (executionId, busy = ['INITIATED', 'RUNNING', 'COMPENSATING']) =>
      settledExecution(admin.api, executionId, busy),
    confirmed: () => server.confirmed,
    async restart(meanwhile = () => undefined) {
      await server.stop();
      open?.close();
      open = null;
      meanwhile();
      server = await serve(dataDir, company, options);
    },
    halt: () => server.stop(),
    async stop() {
      open?.close();
      await server.stop().catch(() => undefined);
      await cleanUp();
    },
  };
}

function serve(dataDir: string, company: SandboxCompany, options: HarnessOptions): Promise<RunningServer> {
  const env = { DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent', INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS: '1' };
  const { config } = readConfig({ ...env, ...options.env }, () => '');
  return startServer(config, {
    version: 'test',
    log: createLog({ level: config.logLevel, destination: { write: (line) => void process.stderr.write(line) } }),
    sandbox: options.withoutSandbox === true ? null : { url: company.url, token: SANDBOX_TOKEN },
    acceleratedFrom: options.accelerated === true ? STARTED_AT : null,
    passwordCost: CHEAP_PASSWORDS,
    ...(options.journalThrough === undefined ? {} : { journalThrough: options.journalThrough }),
  });
}

/** Bytes and text are sent as they are, everything else as JSON. */
export function apiAt(url: () => string, key: string | null): Api {
  return async (method, path, body, headers = {}) => {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const reply = await fetch(`${url()}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, headers: reply.headers, text, body: parsed(text) };
  };
}

/** A password for tests: long, and of nobody's name. */
const INVITED_PASSWORD = 'four words of plain nonsense';

/**
 * A key that nobody but its owner has seen, got as people get it: by an invitation. Any other one does not count beside a vote of
 * who made it.
 */
export async function ownKey({ admin, anonymous }: Record<'admin' | 'anonymous', Api>, id: string): Promise<string> {
  const invited = await admin('POST', `/api/users/${id}/invitations`);
  if (invited.status !== 201) throw new Error(`no invitation: ${invited.text}`);
  const given = { invitation: invited.body.data.secret, password: INVITED_PASSWORD, keyName: 'own' };
  const { status, text, body } = await anonymous('POST', '/api/invitations/accept', given);
  if (status !== 200) throw new Error(`no own key: ${text}`);
  return body.data.key.secret;
}

/** A key that this administrator made for somebody, and has seen. */
export async function keyFor(admin: Api, userId: string): Promise<string> {
  const { status, text, body } = await admin('POST', '/api/keys', { userId, name: 'made for you' });
  if (status !== 201) throw new Error(`no key: ${text}`);
  return body.data.secret;
}

/** The same person with a key that this administrator made, and has seen. */
export async function withLentKey(house: Pick<Harness, 'apiOf'>, admin: Person, person: Person): Promise<Person> {
  const secret = await keyFor(admin.api, person.id);
  return { ...person, key: secret, api: house.apiOf(secret) };
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body; // every member is optional, and tests assert those they use
  } catch {
    return {};
  }
}

function sandboxAt({ url }: SandboxCompany) {
  return async (method: string, path: string, body?: object): Promise<unknown> => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${SANDBOX_TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`the sandbox answered ${reply.status} to ${method} ${path}: ${await reply.text()}`);
    return reply.json();
  };
}

/** Opens a journal file past the program, as somebody at the machine could. */
export function openJournalFile(dataDir: string): Database {
  // The driver is CommonJS and its types do not say that `require` gives the constructor.
  const Driver = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => Database;
  return new Driver(join(dataDir, 'journal.sqlite'));
}

function countsOf(database: Database): Counts {
  const count = (from: string): number =>
    database.prepare<[], { n: number }>(`select count(*) as n from ${from}`).get()?.n ?? 0;
  return {
    records: count('records'),
    events: count('events'),
    views: count(`views where kind <> 'idempotency'`),
    objects: count('objects'),
  };
}

async function settledExecution(api: Api, executionId: string, busy: readonly string[]): Promise<Body['data']> {
  return until(`execution ${executionId} settles`, async () => {
    const { body } = await api('GET', `/api/incident-playbooks/executions/${executionId}`);
    return body.data !== undefined && !busy.includes(body.data.status) ? body.data : null;
  });
}

/** Asks until the answer is not null. @throws when it never is within `patienceMs` of machine time. */
export async function until<T>(what: string, ask: () => Promise<T | null>, patienceMs = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`it never came true: ${what}`);
    await pause(10);
  }
}

/** An `Io` for commands that keeps what they say. */
export function testIo(env: Readonly<Record<string, string>> = {}): Io & { readonly said: () => string } {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  return { ...processIo(), stdout: { write }, stderr: { write }, env, said: () => said };
}

/** What `firebreak audit verify --json` answers about the journal in a data directory. */
export interface Verdict {
  readonly code: number;
  readonly verdict: string;
  readonly intact: boolean;
  readonly problem: string | null;
  readonly firstBad: { readonly stream: string | null; readonly seq: number | null } | null;
}

export async function verified(
  data: string,
  anchor?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  const io = testIo(env);
  const code = await auditVerifyCommand({ data, ...(anchor === undefined ? {} : { anchor }), json: true }, io);
  return { ...(JSON.parse(io.said()) as Omit<Verdict, 'code'>), code }; // the command's own answer
}
