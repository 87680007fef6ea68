import type { ActionContext, ConnectorError } from '../../pipeline/actions/contract.ts';
import type { Command } from './commands.ts';
import { answered } from './failure.ts';
import type { SshHost } from './hosts-file.ts';
import type { Pool } from './pool.ts';
import { collect, type Exit } from './session.ts';

/** Commands whose answers fit into memory. */

export interface RunOptions {
  readonly context: Pick<ActionContext, 'signal' | 'maySend'>;
  readonly input?: string;
  /** Whether it changes something on the host: then `maySend` is asked, and a lost answer is an unknown result. */
  readonly changes: boolean;
  /** Over a connection made for this alone. */
  readonly anew?: boolean;
}

/** What it wrote and how it ended, also when that is with an error. @throws ConnectorError when that is not known */
export function outcomeOf(
  pool: Pool,
  host: SshHost,
  command: Command,
  options: RunOptions,
): Promise<Exit & { readonly output: string }> {
  const { context, input, changes, anew } = options;
  const how = anew === true ? pool.overNewConnection : pool.withSession;
  const rest = { ...(input !== undefined && { input }), ...(changes && { maySend: context.maySend }) };
  return how(host, command, { signal: context.signal, ...rest }, collect);
}

/** What it wrote. @throws ConnectorError also when it ended with an error: then that is the host's answer */
export async function run(pool: Pool, host: SshHost, command: Command, options: RunOptions): Promise<string> {
  const exit = await outcomeOf(pool, host, command, options);
  if (exit.code === 0) return exit.output;
  throw failedCommand(host, exit);
}

/**
 * Whether `pkill` or `ps` ended with having found nothing: they say so with 1 and no word of their own. Others may have said
 * something (sshd of a missing home, sudo of a host name that it cannot resolve).
 */
export function foundNothing({ code, errors }: Exit): boolean {
  return code === 1 && !errors.split('\n').some((line) => SAYS_WHY.test(line));
}

const SAYS_WHY =
  /^(sudo: (?!unable to resolve host)|(pkill|ps|env|sh): )|is not allowed to (execute|run)|not in the sudoers/;

/** The error of a command that ended with one. */
export function failedCommand(host: SshHost, { code, errors }: Exit): ConnectorError {
  const said = shown(errors);
  if (
    /^sudo: (a password|a terminal|sorry)/m.test(errors) ||
    /is not allowed to (execute|run)|not in the sudoers/.test(errors)
  )
    return answered('privilege_refused', `sudo on ${host.id} does not let ${host.user} run this: ${said}`);
  if (code === 127 || code === 126 || /command not found/.test(errors))
    return answered('program_missing', `${host.id} lacks a program: ${said}`);
  if (/Operation not permitted|Permission denied|you must be root/i.test(errors))
    return answered('privilege_refused', `${host.user} may not do this on ${host.id}: ${said}`);
  if (code === null) return answered('command_ended', `the command was ended on ${host.id} by a signal`);
  return answered('command_failed', `the command failed on ${host.id} with ${code}: ${said}`);
}

/** What is said of an account or a host before its command runs; the reason comes after it. */
const NOTICE = /^(Could not chdir to home directory |sudo: unable to resolve host )/;

/** The first line of what a host says, fit for a record: it may hold anything. */
function shown(errors: string): string {
  const [line = ''] = errors.split('\n').filter((each) => !NOTICE.test(each));
  return (
    line
      .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
      .trim()
      .slice(0, 160)
      .toWellFormed() || 'it says nothing'
  );
}
