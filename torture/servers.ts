import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Programs, Running } from './programs.ts';
import type { Company } from './company.ts';
import type { Store } from './stores.ts';

/** What a start says whose journal was too slow or away: whatever supervises a service starts it again. */
const NO_JOURNAL = ['The database cannot be used', 'the journal does not answer'];
const isRefused = (complaints: string): boolean => NO_JOURNAL.some((words) => complaints.includes(words));
/** Pause before a start that was refused is made again, in ms. */
const RESTART_MS = 300;

/** A server under torture, on an address that stays the same through its many lives. */
export interface Server {
  readonly number: number;
  readonly url: string;
  /** Its present life; null while it is down. */
  readonly life: Running | null;
  /** True from the moment it is ready until it is killed: whoever balances load sends to these only. */
  readonly answers: boolean;
  /** Begins a life. */
  start(): Running;
  /**
   * Waits until its present life is ready. A start whose journal was too slow or away is made again, as whatever supervises a
   * service would. @throws with its complaints when it ended for any other reason, before or after it was ready.
   */
  untilReady(): Promise<void>;
  /** SIGKILL, and waits until it is gone. @throws Error when it had ended by itself after it was ready. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it is gone. @throws Error when it did not end with 0. */
  stop(): Promise<void>;
}

export interface ServerSettings {
  readonly programs: Programs;
  readonly store: Store;
  readonly company: Company;
  /** `host:port` of the webhooks' receiver. */
  readonly receiver: string;
}

/** Arguments of a server process. */
export function serveArgs({ store, company }: ServerSettings, port: number): readonly string[] {
  return ['serve', '--data', store.dataDir, '--port', String(port), '--sandbox', company.url];
}

export function serveEnv({ store, company, receiver }: ServerSettings): Record<string, string> {
  return {
    SANDBOX_TOKEN: company.token,
    WEBHOOK_ALLOW: receiver,
    LOG_LEVEL: 'error',
    INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS: '50',
    ...store.env,
  };
}

export async function openServer(settings: ServerSettings, number: number): Promise<Server> {
  const port = await freePort();
  let life: Running | null = null;
  let answering: Running | null = null;
  const begin = (): Running => {
    const begun = settings.programs.start('main', serveArgs(settings, port), serveEnv(settings));
    life = begun;
    begun.ready.then(
      () => {
        answering = begun;
      },
      // Whoever waits for it hears of it.
      () => undefined,
    );
    return begun;
  };
  const untilReady = async (): Promise<void> => {
    const waited = life;
    if (waited === null) return;
    try {
      await waited.ready;
    } catch (thrown) {
      if (life !== waited) return untilReady();
      if (!isRefused(waited.complaints())) throw thrown;
      await pause(RESTART_MS);
      if (life === waited) begin();
      return untilReady();
    }
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    const dying = life;
    if (dying === null) return 0;
    life = null;
    dying.child.kill(signal);
    return dying.ended;
  };
  return {
    number,
    url: `http://127.0.0.1:${port}`,
    get life() {
      return life;
    },
    get answers() {
      return life !== null && life === answering;
    },
    start: begin,
    untilReady,
    async kill() {
      const { ended = null, complaints = () => '' } = life ?? {};
      const code = await end('SIGKILL');
      if (ended === null || code === null || isRefused(complaints())) return;
      throw new Error(`a server ended by itself with ${code}: ${complaints()}`);
    },
    async stop() {
      const complaints = life?.complaints() ?? '';
      const code = await end('SIGTERM');
      if (code !== 0) throw new Error(`the server ended with ${code} when it was asked to stop: ${complaints}`);
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // listening on TCP
  probe.close();
  await once(probe, 'close');
  return port;
}
