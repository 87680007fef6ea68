import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from './config.ts';

export type Log = Logger;

/** Members that never reach a log, wherever they stand in the logged object (two levels deep). */
const SECRET_MEMBERS = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey', 'webhook', 'hash'];
const REDACTED = '[redacted]';

/** Our own secrets in any text: prefix and 43 characters of base64url (see `pipeline/access/secret.ts`). */
const SECRETS_IN_TEXT = /fb[ksiw]_[A-Za-z0-9_-]{43}/g;

/**
 * A structured log, one JSON line for each entry, to `destination` (standard output when left out).
 *
 * Two nets against leaks: named members are cut, and in the finished line everything that looks like one of
 * our own secrets is cut again, because a secret may also hide in a message or in an address.
 */
export function createLog(options: { readonly level: LogLevel; readonly destination?: DestinationStream }): Log {
  const members = [...SECRET_MEMBERS, '["x-api-key"]'];
  const at = (prefix: string): string[] =>
    members.map((member) => (member.startsWith('[') ? `${prefix}${member}` : `${prefix}${prefix && '.'}${member}`));
  const settings = {
    level: options.level,
    base: { service: 'firebreak' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...at(''), ...at('*'), ...at('*.*')], censor: REDACTED },
    hooks: { streamWrite: (line: string) => line.replaceAll(SECRETS_IN_TEXT, REDACTED) },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
