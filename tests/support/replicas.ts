import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditVerifyCommand } from '../../src/cli/audit.ts';
import { openPostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { readConfig } from '../../src/platform/config.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLog } from '../../src/platform/log.ts';
import { startSandboxCompany } from '../../src/sandbox-company/server.ts';
import { startServer } from '../../src/server.ts';
import type { Role } from '../../src/start/role.ts';
import { openPrograms, type Programs, type Running } from '../../torture/programs.ts';
import type { Edit } from '../../torture/plants.ts';
import { compiled } from './killable.ts';
import type { Cluster, SharedCluster } from './postgres.ts';
import { apiAt, CHEAP_PASSWORDS, ownKey, testIo, until, type Api, type Person } from './server.ts';
import type { PersonalJournal } from '../../src/journal/persons/personal-journal.ts';
import { withKeysOf } from './personal.ts';

/** Several servers on one database, with one sandbox company to act in. Only tests import this file. */

const SANDBOX_TOKEN = 'a token for tests only';

/** A server among others, in this process or in one of its own. */
export interface Replica {
  readonly url: string;
  readonly setupToken: string | null;
  apiOf(key: string | null): Api;
  /** Asks it to end, and waits until it did. */
  stop(): Promise<void>;
}

/** A server in a process of its own. */
export interface ReplicaProcess extends Replica {
  readonly running: Running;
  kill(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

/** What was really done at the company. */
export interface Effect {
  readonly effect: string;
  readonly target: string;
  readonly key: string | null;
}

export interface Replicas {
  readonly cluster: Cluster;
  readonly database: string;
  readonly logKeyFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A server in this process. */
  inProcess(options?: { readonly role?: Role; readonly env?: Readonly<Record<string, string>> }): Promise<Replica>;
  /** A server in a process of its own, from the program as it is compiled or as it was changed. */
  process(options?: {
    readonly role?: Role;
    readonly env?: Readonly<Record<string, string>>;
    readonly programs?: Programs;
  }): Promise<ReplicaProcess>;
  /** The compiled program with changes; removed with the rest. */
  changed(edits: readonly Edit[]): Programs;
  company: {
    fault(fault: object): Promise<void>;
    clear(): Promise<void>;
    seed(users: readonly object[]): Promise<void>;
    effects(): Promise<readonly Effect[]>;
    /** Changing requests that it was sent, whatever became of them. */
    requests(): Promise<number>;
  };
  /** Makes the first administrator at a replica, and people besides. */
  setUp(replica: Replica): Promise<Staff>;
  /** What `audit verify` says of the journal. */
  verified(): Promise<{ readonly code: number; readonly said: string }>;
  /** The journal as one more process opens it, which performs nothing. */
  open(): Promise<Journal>;
  /** The same with its personal texts, once a server has written some. */
  readable(journal: Journal): Promise<PersonalJournal>;
  query(sql: string, values?: unknown[]): Promise<readonly Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export interface Staff {
  readonly admin: Person;
  person(role: string): Promise<Person>;
}

/** The compiled program; tests of replicas that have to be killed are left out without it. */
const DIST = process.env['FIREBREAK_TEST_DIST'] ?? new URL('../../dist', import.meta.url).pathname;
export const canBeKilled = compiled || process.env['FIREBREAK_TEST_DIST'] !== undefined;
if (!canBeKilled)
  process.stderr.write('\n*** SKIPPED: servers to be killed: nothing is compiled (npm run build) ***\n\n');

export async function startReplicas(shared: SharedCluster): Promise<Replicas> {
  const cluster = await shared.cluster();
  const database = await cluster.database();
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-replicas-'));
  const logKeyFile = join(folder, 'log-key.pem');
  const company = await startSandboxCompany({ port: 0, token: SANDBOX_TOKEN, clock: { now: () => Date.now() } });
  const environment = {
    DATABASE_URL: database,
    LOG_KEY_FILE: logKeyFile,
    LOG_LEVEL: 'error',
    INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS: '20',
  };
  const all: Replica[] = [];
  const editions: Programs[] = [];
  let born = 0;
  let sound: Programs | null = null;

  const nextDirectory = (): string => join(folder, `replica${(born += 1)}`);
  const edition = (edits: readonly Edit[]): Programs => {
    const programs = openPrograms(DIST, edits);
    editions.push(programs);
    return programs;
  };

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const reply = await fetch(`${company.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${SANDBOX_TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`the sandbox answered ${reply.status} to ${method} ${path}: ${await reply.text()}`);
    return reply.json();
  }

  return {
    cluster,
    database,
    logKeyFile,
    environment,
    async inProcess({ role = 'all', env = {} } = {}) {
      const given = { DATA_DIR: nextDirectory(), PORT: '0', ...environment, LOG_LEVEL: 'silent', ...env };
      const { config } = readConfig(given, () => '');
      const server = await startServer(config, {
        version: 'test',
        log: createLog({ level: config.logLevel, destination: { write: (line) => void process.stderr.write(line) } }),
        sandbox: { url: company.url, token: SANDBOX_TOKEN },
        acceleratedFrom: null,
        role,
        passwordCost: CHEAP_PASSWORDS,
      });
      let stopped: Promise<void> | null = null;
      const { url, setupToken } = server;
      const apiOf = (key: string | null): Api => apiAt(() => url, key);
      const replica = { url, setupToken, apiOf, stop: () => (stopped ??= server.stop()) };
      all.push(replica);
      return replica;
    },
    async process({ role = 'all', env = {}, programs } = {}) {
      const args = ['serve', '--data', nextDirectory(), '--port', '0', '--sandbox', company.url, '--role', role];
      const running = (programs ?? (sound ??= edition([]))).start('main', args, {
        ...environment,
        SANDBOX_TOKEN,
        ...env,
      });
      const ready = await running.ready;
      const url = String(ready['url']);
      const end = async (signal: NodeJS.Signals): Promise<void> => {
        running.child.kill('SIGCONT');
        running.child.kill(signal);
        await running.ended;
      };
      const replica: ReplicaProcess = {
        url,
        setupToken: typeof ready['setupToken'] === 'string' ? ready['setupToken'] : null,
        apiOf: (key) => apiAt(() => url, key),
        running,
        stop: () => end('SIGTERM'),
        kill: () => end('SIGKILL'),
        signal: (name) => void running.child.kill(name),
      };
      all.push(replica);
      return replica;
    },
    changed: edition,
    company: {
      fault: async (fault) => void (await call('POST', '/faults', fault)),
      clear: async () => void (await call('DELETE', '/faults')),
      seed: async (users) => void (await call('POST', '/seed', { users })),
      async effects() {
        const { effects } = (await call('GET', '/ledger')) as { effects: readonly Effect[] }; // the sandbox's own shape
        return effects;
      },
      requests: async () => ((await call('GET', '/ledger')) as { requests: number }).requests, // its own shape
    },
    setUp: (replica) => staffAt(replica),
    async verified() {
      const io = testIo(environment);
      const code = await auditVerifyCommand({ data: folder, json: false }, io);
      return { code, said: io.said() };
    },
    readable: (journal) => withKeysOf(journal, database),
    open: () =>
      openPostgresJournal({
        url: database,
        birth: { id: 'jrn_unused', at: 0, accelerated: false },
        performs: false,
        ids: randomIds(),
        monotonic: () => performance.now(),
      }),
    query: (sql, values) => cluster.query(sql, values, new URL(database).pathname.slice(1)),
    async remove() {
      await Promise.all(all.map((replica) => replica.stop().catch(() => undefined)));
      for (const programs of editions) {
        programs.killAll();
        programs.remove();
      }
      await company.stop();
      await cluster.recycle(database);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function staffAt(replica: Replica): Promise<Staff> {
  const user = { name: 'Ada Admin', email: 'ada@soc.example' };
  const made = await replica.apiOf(null)('POST', '/api/setup', { token: replica.setupToken, user });
  if (made.status !== 201) throw new Error(`set-up failed: ${made.text}`);
  const { secret } = made.body.data.key;
  const admin = { id: made.body.data.user.id, key: secret, api: replica.apiOf(secret) };
  let people = 0;
  return {
    admin,
    async person(role) {
      people += 1;
      const given = { kind: 'person', name: `${role} ${people}`, email: `person${people}@soc.example`, roles: [role] };
      const account = await admin.api('POST', '/api/users', given);
      const { id } = account.body.data;
      const secret = await ownKey({ admin: admin.api, anonymous: replica.apiOf(null) }, id);
      return { id, key: secret, api: replica.apiOf(secret) };
    },
  };
}

/** The execution as a replica shows it, once it is none of these. */
export function settledAt(api: Api, executionId: string, busy = ['INITIATED', 'RUNNING', 'COMPENSATING']) {
  return until(`execution ${executionId} settles`, async () => {
    const { body } = await api('GET', `/api/incident-playbooks/executions/${executionId}`);
    return body.data !== undefined && !busy.includes(body.data.status) ? body.data : null;
  });
}
