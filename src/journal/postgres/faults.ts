import { DatabaseError } from 'pg';
import { messageOf } from '../../platform/errors.ts';
import { StoreUnavailableError } from '../journal.ts';

/** Classes of SQLSTATE that mean "the store, not the data": the caller may try again later. */
const STORE_CLASSES = [
  '08', // the connection
  '25', // read-only, or the transaction was ended for idling
  '53', // disk full, out of memory, too many connections
  '57', // shut down, starting up, cancelled for its time limit
  '58', // input or output failed
];

/**
 * 55P03: a lock was not got in time. 40001, 40P01: others were first too often. 28: not let in; 3D000: no database. XX001,
 * XX002: a page of a table or of an index is damaged.
 */
const STORE_CODES = ['55P03', '40001', '40P01', '28000', '28P01', '3D000', '42501', 'XX001', 'XX002'];

/** The server ends the session after these, so what it was doing may have been done. */
const LAST_WORDS = ['57P01', '57P02', '57P03'];

/** The transaction idled for too long, and the session was ended with it. */
const IDLE_IN_TRANSACTION = '25P03';

/** Others were first: computed again from what is there now, the batch may go through. */
const RETRIES = ['40001', '40P01', '23505'];

/** The five characters of SQL's error code, or null when the server said nothing. */
export function sqlState(thrown: unknown): string | null {
  return thrown instanceof DatabaseError ? (thrown.code ?? null) : null;
}

/** Whether the connection on which this happened can be used no more. */
export function connectionLost(thrown: unknown): boolean {
  const code = sqlState(thrown);
  if (code === null) return isConnectionTrouble(thrown);
  return code.startsWith('08') || LAST_WORDS.includes(code) || code === IDLE_IN_TRANSACTION;
}

/** Whether the same batch may succeed when it is computed again. */
export function worthRepeating(thrown: unknown): boolean {
  return RETRIES.includes(sqlState(thrown) ?? '');
}

/** What a line says that was closed by its owner. */
export const CLOSED = 'the connection was closed';

/** Takes words out of messages that nobody may read. */
export type Scrub = (text: string) => string;

/** Takes the password of a URL out of every text, as it is written and as it is meant. */
export function scrubberFor(url: string): Scrub {
  const secrets = new Set<string>([url]);
  try {
    const { password, searchParams } = new URL(url);
    for (const secret of [password, searchParams.get('password') ?? '']) {
      secrets.add(secret);
      secrets.add(decodeURIComponent(secret));
    }
  } catch {
    // No URL, or no proper escapes in it: the whole of it is secret then.
  }
  secrets.delete('');
  return (text) => [...secrets].reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/**
 * What was thrown as the port says it: `StoreUnavailableError` for faults of the store or of the way to it, an ordinary
 * error for what the store refuses. Nothing of the driver's own error is kept but its words and code.
 *
 * @param unknown whether what was asked for may have been done.
 */
export function storeFault(thrown: unknown, scrub: Scrub, unknown: boolean): Error {
  if (thrown instanceof StoreUnavailableError) return thrown;
  if (sqlState(thrown) === null && !isConnectionTrouble(thrown))
    return thrown instanceof Error ? thrown : new Error(scrub(messageOf(thrown)));
  return faultInWords(thrown, scrub, unknown);
}

/**
 * The same of what opening a connection threw. Whatever the server has not said itself is trouble on the way to it, also where
 * nobody has listed its code: names that cannot be looked up, TLS, certificates. Nothing was asked yet, so nothing was done.
 */
export function connectFault(thrown: unknown, scrub: Scrub): Error {
  return thrown instanceof StoreUnavailableError ? thrown : faultInWords(thrown, scrub, false);
}

/** What the server or the way to it is to blame for. */
function faultInWords(thrown: unknown, scrub: Scrub, unknown: boolean): Error {
  const code = sqlState(thrown);
  const said = scrub(messageOf(thrown)) || 'no connection';
  const message = code === null ? said : `${said} (${code})`;
  const cause = new Error(message);
  if (code === '53300') {
    const sentence = `PostgreSQL has no connection left for this process; raise max_connections or run fewer: ${message}`;
    return new StoreUnavailableError(sentence, unknown, cause);
  }
  const isStore = code === null || STORE_CODES.includes(code) || STORE_CLASSES.includes(code.slice(0, 2));
  return isStore
    ? new StoreUnavailableError(`the journal on PostgreSQL: ${message}`, unknown, cause)
    : new Error(message, { cause });
}

/** How the driver's own errors begin that mean that a connection is gone or silent; it has no codes for them. */
const DRIVER_WORDS = [
  'Connection terminated',
  'Query read timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Client was closed',
  'Client has encountered a connection error',
  'The server does not support SSL',
  'There was an error establishing an SSL connection',
  'Cannot use a pool after',
  CLOSED,
];

/** Codes of sockets, of name look-ups, of TLS and of the streams over it. Node's codes for mistakes of a program begin otherwise. */
const NETWORK_CODES = /^(?:E[A-Z]+|EAI_[A-Z]+|ERR_(?:SSL|TLS|STREAM|SOCKET)_\w+)$/;

/** Errors of sockets and of the driver, as opposed to mistakes in this program. */
function isConnectionTrouble(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if ('code' in thrown && typeof thrown.code === 'string' && NETWORK_CODES.test(thrown.code)) return true;
  // Several addresses were tried, each in vain.
  if (thrown instanceof AggregateError) return true;
  return DRIVER_WORDS.some((words) => thrown.message.startsWith(words));
}
