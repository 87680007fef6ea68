import type { Client } from 'ssh2';
import { keyedSemaphore, type KeyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Command } from './commands.ts';
import { connect } from './connection.ts';
import { brokenOff } from './failure.ts';
import type { SshHost } from './hosts-file.ts';
import { startSession, type Session, type SessionOptions } from './session.ts';

/** Connections to hosts: one for each, kept while it is used, with as many sessions at once as the hosts file allows. */
export interface Pool {
  /** Runs `use` with a session of the command; ends it when `use` is done, however. @throws ConnectorError */
  withSession<Result>(
    host: SshHost,
    command: Command,
    options: SessionOptions,
    use: (session: Session) => Promise<Result>,
  ): Promise<Result>;
  /** The same over a connection that is made for this alone: proof that the host can be reached anew. */
  overNewConnection<Result>(
    host: SshHost,
    command: Command,
    options: SessionOptions,
    use: (session: Session) => Promise<Result>,
  ): Promise<Result>;
  /** Ends every connection; what is under way fails. */
  close(): void;
}

/** An unused connection is closed after this time, in ms: the steps of one incident come within seconds of each other. */
const IDLE_MS = 30_000;

interface Entry {
  client: Promise<Client>;
  uses: number;
  idle: NodeJS.Timeout | null;
}

export function sshPool(): Pool {
  const entries = new Map<string, Entry>();
  const gates = new Map<string, KeyedSemaphore>();
  const closing = new AbortController();

  function gateOf(host: SshHost): KeyedSemaphore {
    const gate = gates.get(host.id) ?? keyedSemaphore(host.max_sessions);
    gates.set(host.id, gate);
    return gate;
  }

  function forget(host: SshHost, entry: Entry): void {
    if (entries.get(host.id) === entry) entries.delete(host.id);
    if (entry.idle !== null) clearTimeout(entry.idle);
  }

  /** The time of one caller must not end a connection that others wait for, so it has only its own. */
  function entryOf(host: SshHost): Entry {
    const present = entries.get(host.id);
    if (present !== undefined) return present;
    const entry: Entry = { client: connect(host, closing.signal), uses: 0, idle: null };
    entries.set(host.id, entry);
    entry.client.then(
      (client) => client.once('close', () => forget(host, entry)),
      () => forget(host, entry),
    );
    return entry;
  }

  function release(host: SshHost, entry: Entry): void {
    entry.uses -= 1;
    if (entry.uses > 0 || entries.get(host.id) !== entry) return;
    entry.idle = setTimeout(() => {
      forget(host, entry);
      entry.client.then((client) => client.end()).catch(() => undefined);
    }, IDLE_MS);
    entry.idle.unref();
  }

  return {
    withSession: (host, command, options, use) =>
      gateOf(host).run(host.id, async () => {
        const entry = entryOf(host);
        entry.uses += 1;
        if (entry.idle !== null) clearTimeout(entry.idle);
        entry.idle = null;
        try {
          const client = await within(entry.client, options.signal, host);
          return await using(client, command, options, use);
        } finally {
          release(host, entry);
        }
      }),
    async overNewConnection(host, command, options, use) {
      const client = await connect(host, AbortSignal.any([options.signal, closing.signal]));
      try {
        return await using(client, command, options, use);
      } finally {
        client.end();
      }
    },
    close() {
      closing.abort();
      for (const [, entry] of entries) {
        if (entry.idle !== null) clearTimeout(entry.idle);
        entry.client.then((client) => client.destroy()).catch(() => undefined);
      }
      entries.clear();
    },
  };
}

async function using<Result>(
  client: Client,
  command: Command,
  options: SessionOptions,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await startSession(client, command, options);
  try {
    return await use(session);
  } finally {
    session.end();
  }
}

function within(client: Promise<Client>, signal: AbortSignal, host: SshHost): Promise<Client> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(brokenOff('timeout', `${host.id} has not let us in in time`, false));
    if (signal.aborted) return late();
    signal.addEventListener('abort', late, { once: true });
    client.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}
