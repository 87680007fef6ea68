import { AsyncLocalStorage } from 'node:async_hooks';
import { Client } from 'pg';

/**
 * The hook of the explorer: the driver's own client, so that the adapter is run exactly as it is. Whatever a thread of
 * the explorer asks of any client is handed over instead of being sent; whoever is no such thread notices nothing.
 */

/** A statement that a thread wants to send. It is sent when it is performed, and not before. */
export interface AskedStatement {
  readonly thread: string;
  readonly client: Client;
  readonly text: string;
  /** The name of a prepared statement, or how the text begins. */
  readonly label: string;
  /** False for words that never wait for a lock. */
  readonly mayWait: boolean;
  perform(): Promise<unknown>;
  answer(result: unknown): void;
  refuse(thrown: unknown): void;
}

export interface TapListener {
  statement(asked: AskedStatement): void;
  /** A client connects, or prepares its session: it is under way until what is given is settled. */
  opening(client: Client, done: Promise<unknown>): void;
  /** A client says goodbye, or lost its connection. The server may need a moment to notice. */
  ending(client: Client): void;
}

export interface StatementTap {
  /** Runs work as a thread, and everything that follows from it. */
  run<Result>(thread: string, work: () => Result): Result;
  /** The thread that runs now, or null. */
  current(): string | null;
  /** The client of a session of the server, if the adapter has it. */
  clientOf(pid: number): Client | null;
  /** What the explorer itself does as a step of the thread that runs now. */
  step(client: Client, label: string, act: () => Promise<unknown>): Promise<void>;
  /** Who is told; null: nobody, and statements of threads are refused. */
  listen(listener: TapListener | null): void;
  remove(): void;
}

type AnyFunction = (this: Client, ...parameters: unknown[]) => unknown;

/** The driver's methods with one type for all of their overloads: whatever comes is passed on as it came. */
const prototype = Client.prototype as unknown as Record<'query' | 'connect' | 'end', AnyFunction>;

/** Only clients of the adapter; those of the test's harness have no name. */
function isOfTheAdapter(client: Client): boolean {
  // safe: the driver's own field, which its types do not know
  const { connectionParameters } = client as unknown as { connectionParameters?: { application_name?: unknown } };
  const name = connectionParameters?.application_name;
  return typeof name === 'string' && name.startsWith('firebreak ');
}

/** Puts the hook into the driver; one at a time in a process. */
export function tapStatements(): StatementTap {
  const threads = new AsyncLocalStorage<string>();
  const { query, connect, end } = prototype;
  /** Clients whose session was prepared: what `connect` sends first belongs to the connection, not to the program. */
  const prepared = new WeakSet<Client>();
  const clients = new Set<Client>();
  let listener: TapListener | null = null;

  function hand(client: Client, thread: string, parameters: readonly unknown[]): Promise<unknown> {
    const { text, name } = wordsOf(parameters[0]);
    const [config, ...rest] = parameters;
    return new Promise((answer, refuse) => {
      const asked: AskedStatement = {
        thread,
        client,
        text,
        label: name ?? shortened(text),
        mayWait: !/^(begin|commit|rollback)/.test(text),
        // Not the promise of an overload with a callback: callbacks were taken off.
        perform: () => Promise.resolve(query.call(client, tellingWhom(config), ...rest)),
        answer,
        refuse,
      };
      ask(asked);
    });
  }

  function ask(asked: AskedStatement): void {
    if (listener !== null) return listener.statement(asked);
    asked.refuse(new Error(`the thread ${asked.thread} asks after its end: ${asked.label}`));
  }

  prototype.query = function (this: Client, ...parameters: unknown[]): unknown {
    const thread = threads.getStore();
    if (thread === undefined || !isOfTheAdapter(this)) {
      prepared.add(this);
      return query.apply(this, parameters);
    }
    if (!prepared.has(this)) {
      prepared.add(this);
      const done = query.apply(this, parameters);
      listener?.opening(this, Promise.resolve(done));
      return done;
    }
    const last = parameters.at(-1);
    if (typeof last !== 'function') return hand(this, thread, parameters);
    const callback = last as (thrown: unknown, result?: unknown) => void; // as the driver calls it
    hand(this, thread, parameters.slice(0, -1)).then(
      (result) => callback(null, result),
      (thrown: unknown) => callback(thrown),
    );
    return undefined;
  };

  prototype.connect = function (this: Client, ...parameters: unknown[]): unknown {
    if (!isOfTheAdapter(this)) return connect.apply(this, parameters);
    clients.add(this);
    this.once('end', () => {
      clients.delete(this);
      listener?.ending(this);
    });
    const [callback] = parameters;
    if (typeof callback !== 'function') {
      const done = Promise.resolve(connect.call(this));
      listener?.opening(this, done);
      return done;
    }
    let settled = (): void => undefined;
    listener?.opening(this, new Promise<void>((resolve) => (settled = resolve)));
    return connect.call(this, (...answer: unknown[]) => {
      settled();
      (callback as (...given: unknown[]) => void)(...answer); // as the driver calls it
    });
  };

  prototype.end = function (this: Client, ...parameters: unknown[]): unknown {
    if (isOfTheAdapter(this)) listener?.ending(this);
    return end.apply(this, parameters);
  };

  return {
    run: (thread, work) => threads.run(thread, work),
    current: () => threads.getStore() ?? null,
    clientOf: (pid) => [...clients].find((client) => processIdOf(client) === pid) ?? null,
    step: (client, label, act) =>
      new Promise((resolve, refuse) => {
        const thread = threads.getStore() ?? '';
        ask({ thread, client, text: '', label, mayWait: false, perform: act, answer: () => resolve(), refuse });
      }),
    listen(next) {
      listener = next;
    },
    remove() {
      Object.assign(prototype, { query, connect, end });
    },
  };
}

function wordsOf(config: unknown): { readonly text: string; readonly name: string | null } {
  if (typeof config === 'string') return { text: config, name: null };
  const { text, name } = Object(config) as { text?: unknown; name?: unknown }; // read with care
  return { text: typeof text === 'string' ? text : '', name: typeof name === 'string' ? name : null };
}

const ENDS_SESSIONS = 'select pg_terminate_backend(pid) from';

/** Lets a statement that ends sessions say which: they end a moment later, and the explorer waits for that. */
function tellingWhom(config: unknown): unknown {
  const { text } = wordsOf(config);
  if (!text.includes(ENDS_SESSIONS)) return config;
  const telling = text.replace(ENDS_SESSIONS, 'select pg_terminate_backend(pid), pid as ended from');
  return typeof config === 'string' ? telling : { ...Object(config), text: telling };
}

/** The sessions that a statement has ended. */
export function endedBy(result: unknown): readonly number[] {
  const { rows } = Object(result) as { rows?: unknown }; // read with care
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    const { ended } = Object(row) as { ended?: unknown };
    return typeof ended === 'number' ? [ended] : [];
  });
}

/** The server's process of a connection: the driver knows it, its types do not. */
export function processIdOf(client: Client): number {
  const { processID } = client as unknown as { processID?: number | null };
  return processID ?? 0;
}

/** Characters of a text without a name that a trace shows. */
const LABEL_LENGTH = 48;

function shortened(text: string): string {
  const words = text.replaceAll(/\s+/g, ' ').trim();
  return words.length <= LABEL_LENGTH ? words : `${words.slice(0, LABEL_LENGTH)}…`;
}
