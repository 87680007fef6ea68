import {
  Client,
  Pool,
  types,
  type ClientBase,
  type ClientConfig,
  type PoolClient,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import { CLOSED, connectFault, connectionLost, storeFault, type Scrub } from './faults.ts';

/** How long a connection may take to come about, in ms: a server in the same network answers within a few. */
const CONNECT_TIMEOUT_MS = 2_000;

/** How long the server may work on one statement, in ms: a full commit takes some tens, `audit verify` reads in pages. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** How long a statement may wait for a lock, in ms: longer than a frozen process can hold one (below). */
const LOCK_TIMEOUT_MS = 4_000;

/** How long a transaction may idle, in ms: a process that is frozen in the middle of one must not hold up the others. */
const IDLE_IN_TRANSACTION_MS = 2_000;

/** How long we wait for any answer, in ms, in case the server or the network says nothing: above what it is given. */
const ANSWER_TIMEOUT_MS = 6_000;

/** Connections for reading: the server's lists and look-ups share them. */
const MAX_READ_CONNECTIONS = 4;

/** How to reach the database. The URL holds a password: it goes into the driver and nowhere else. */
export interface Address {
  readonly url: string;
  readonly scrub: Scrub;
}

/** 64-bit integers as numbers: every one that we store is a safe integer. */
const INT8 = 20;

/** How long a session may take for its answers, in ms. */
interface Patience {
  readonly statement: number;
  readonly answer: number;
  /** 0: for ever. */
  readonly idleInTransaction: number;
}

const SERVER_PATIENCE: Patience = {
  statement: STATEMENT_TIMEOUT_MS,
  answer: ANSWER_TIMEOUT_MS,
  idleInTransaction: IDLE_IN_TRANSACTION_MS,
};

/** For somebody who reads a whole journal in one transaction and holds no locks: ten minutes for one answer. */
export const SNAPSHOT_PATIENCE: Patience = { statement: 600_000, answer: 610_000, idleInTransaction: 0 };

function clientConfig({ url }: Address, purpose: string, patience: Patience): ClientConfig {
  return {
    connectionString: url,
    application_name: `firebreak ${purpose}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: patience.answer,
    statement_timeout: patience.statement,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: patience.idleInTransaction,
    keepAlive: true,
    types: {
      // The driver's own parser for everything else; it is untyped.
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format === 'binary' ? 'text' : format),
    },
  };
}

/**
 * Everything is looked up by its key. Plans are kept, and one made while a table was small must not read all of it when
 * it has grown.
 */
const SESSION = `set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;
  set client_encoding = 'UTF8'; set timezone = 'UTC'`;

/** What can be asked: a connection, or a pool of them. */
export interface Queryable {
  query<Row extends QueryResultRow>(query: QueryConfig | string): Promise<QueryResult<Row>>;
}

/** Opens one connection. @throws StoreUnavailableError; an ordinary error for what the server refuses. */
export async function connect(address: Address, purpose: string, patience = SERVER_PATIENCE): Promise<Client> {
  const client = new Client(clientConfig(address, purpose, patience));
  // Without a listener a connection that is lost while nobody asks anything would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(SESSION);
    return client;
  } catch (thrown) {
    endOf(client);
    throw connectFault(thrown, address.scrub);
  }
}

/** A single connection that is used by one at a time, and made anew when it was lost. */
export interface Line {
  /** Runs work on the connection. When the work fails so that the connection is of no use any more, it is closed. */
  run<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  /** Gives up the connection; the next to run opens another one. */
  drop(): void;
  /** Changes whenever another connection took the place of the one before. */
  readonly generation: number;
  /** True while there is a connection that was not lost. */
  readonly connected: boolean;
  close(): Promise<void>;
}

/** @param onLost called when the connection is gone, whatever for. */
export function openLine(
  address: Address,
  purpose: () => string,
  onLost: () => void = () => undefined,
  patience = SERVER_PATIENCE,
): Line {
  const turns = keyedSemaphore(1);
  let current: Client | null = null;
  let generation = 0;
  let closed = false;

  async function client(): Promise<Client> {
    if (closed) throw new Error(CLOSED);
    if (current !== null) return current;
    const fresh = await connect(address, purpose(), patience);
    if (closed) {
      endOf(fresh);
      throw new Error(CLOSED);
    }
    generation += 1;
    current = fresh;
    const lost = (): void => {
      if (current !== fresh) return;
      current = null;
      onLost();
    };
    fresh.on('error', lost);
    fresh.on('end', lost);
    return fresh;
  }

  function drop(): void {
    const old = current;
    current = null;
    if (old === null) return;
    onLost();
    endOf(old);
  }

  return {
    run: (work) => turns.run('line', async () => work(await client())),
    drop,
    get generation() {
      return generation;
    },
    get connected() {
      return current !== null;
    },
    async close() {
      closed = true;
      const old = current;
      current = null;
      if (old !== null) await old.end().catch(() => undefined);
    },
  };
}

/** Ends a connection that may not answer any more, without waiting for it. */
export function endOf(client: Client): void {
  client.end().catch(() => undefined);
  // A server that is silent would never take leave; safe: a socket of Node, or one of TLS over it.
  const { connection } = client as unknown as { connection?: { stream?: { destroy?: () => void } } };
  connection?.stream?.destroy?.();
}

/** The pool waits for what this answers, although its types do not say so. */
function prepareSession(client: ClientBase): unknown {
  return client.query(SESSION);
}

/** A few connections for reading. Errors are those of the port. */
export interface ReadPool extends Queryable {
  close(): Promise<void>;
}

export function openReadPool(address: Address): ReadPool {
  const pool = new Pool({
    ...clientConfig(address, 'reader', SERVER_PATIENCE),
    max: MAX_READ_CONNECTIONS,
    idleTimeoutMillis: 30_000,
    onConnect: prepareSession,
  });
  // The pool throws idle connections away that were lost; without a listener that would end the process.
  pool.on('error', () => undefined);
  // So would losing one that is in use. Whoever uses it hears of it by the answer.
  pool.on('connect', (client) => client.on('error', () => undefined));

  const connected = (): Promise<PoolClient> =>
    pool.connect().catch((thrown: unknown) => {
      throw connectFault(thrown, address.scrub);
    });

  return {
    async query<Row extends QueryResultRow>(query: QueryConfig | string) {
      const client = await connected();
      try {
        const result = await client.query<Row>(query);
        client.release();
        return result;
      } catch (thrown) {
        // As the pool itself does: after any fault there is another connection.
        client.release(true);
        throw storeFault(thrown, address.scrub, false);
      }
    },
    async close() {
      if (!pool.ending) await pool.end();
    },
  };
}

/**
 * Runs a transaction on a line. Errors are those of the driver, and of `connect`; a connection that was lost is replaced by the
 * next to run.
 */
export async function inTransaction<Result>(line: Line, work: (client: Client) => Promise<Result>): Promise<Result> {
  return line.run(async (client) => {
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (thrown) {
      if (connectionLost(thrown)) line.drop();
      else await client.query('rollback').catch(() => line.drop());
      throw thrown;
    }
  });
}
