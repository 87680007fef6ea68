import { ACCOUNT, type SshHost } from './hosts-file.ts';
import { quoted } from './quote.ts';
import { READ_SCRIPT } from './read-script.ts';

/**
 * Every command that is ever run on a host: a closed table of programs whose arguments are constants, small numbers and names
 * of a narrow alphabet. Rule sets and paths go through standard input, where no shell looks at them.
 */
export interface Command {
  /** One string, as SSH wants it. Holds no secret: it is recorded with what it brought. */
  readonly line: string;
  /** The input at which it begins, where it waits for one that says nothing else. */
  readonly begins?: string;
}

/** Where programs are looked for, whatever the account's own search path says. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
/** What every command runs in. */
const CLEAN = `env -i PATH=${PATH} LC_ALL=C`;
/** Runs its arguments once a line has come. 125 is no answer of a program that changes something: 1 of `pkill` means that it found nothing. */
const AT_A_LINE = 'read -r _ || exit 125; exec "$@"';
/** Where the reader lies on hosts on which Firebreak is not root. */
export const READER = '/usr/local/sbin/firebreak-read';

/** Lists that are collected like files, by the names that playbooks use. */
export const LISTS = {
  '@processes': 'ps -e -ww -o pid,ppid,user,group,lstart,etimes,stat,wchan:32,args',
  '@connections': 'ss -H -n -a -t -u -w -x -p -e -i -O',
  '@accounts': 'getent passwd',
  '@logins': 'who -a -H',
  '@modules': 'lsmod',
  '@rules': 'nft -a list ruleset',
} as const;
export type ListName = keyof typeof LISTS;

/** A terminal as `ps` and `pkill` name it. */
export const TERMINAL = /^[A-Za-z]{1,16}(\/?[0-9]{1,6})?$/;

/** Where the connection comes from as the host sees it. The only one that needs the session's own environment. */
export const SHOW_CONNECTION: Command = { line: 'printenv SSH_CONNECTION' };

/** Milliseconds since 1970 by the host's clock. */
export const SHOW_TIME: Command = { line: `${CLEAN} date -u +%s%3N` };

/** @param table one that `barrierOf` named */
export function listTable(host: SshHost, table: string): Command {
  if (!/^firebreak_[a-z0-9_]{1,100}$/.test(table)) throw new RangeError('This is no table of Firebreak');
  return privileged(host, `nft -j list table inet ${table}`);
}

/** Reads a rule set from its input and applies all of it or nothing. */
export function applyRules(host: SshHost): Command {
  return privileged(host, 'nft -f -');
}

export function showAccount(name: string): Command {
  return { line: `${CLEAN} getent passwd ${word(name)}` };
}

export function showShadow(host: SshHost, name: string): Command {
  return privileged(host, `getent shadow ${word(name)}`);
}

/** @param expires days since 1970, or null for never */
export function changeAccount(
  host: SshHost,
  name: string,
  password: 'lock' | 'unlock' | 'keep',
  expires: number | null,
): Command {
  const flag = password === 'keep' ? '' : `--${password} `;
  return changing(host, `usermod ${flag}--expiredate ${expires === null ? "''" : integer(expires)} ${word(name)}`);
}

/** Ends every process of a user at once. */
export function endProcesses(host: SshHost, uid: number): Command {
  return changing(host, `pkill -KILL -u ${integer(uid)}`);
}

/** What an account has running: process, seconds since it began, terminal and short name, under a line of headings. */
export function listProcesses(host: SshHost, uid: number): Command {
  return privileged(host, `ps -ww -o pid -o etimes -o tty -o comm -u ${integer(uid)}`);
}

/** Ends what sshd runs for an account: with it goes the connection. Matches `sshd`, and `sshd-session` since OpenSSH 9.8. */
export function endConnections(host: SshHost, uid: number): Command {
  return changing(host, `pkill -KILL -u ${integer(uid)} sshd`);
}

/** Ends what an account runs at these terminals. @param terminals as `ps` names them: `pts/3`, `tty1` */
export function endTerminals(host: SshHost, uid: number, terminals: readonly string[]): Command {
  if (terminals.length === 0 || !terminals.every((each) => TERMINAL.test(each)))
    throw new RangeError('This is no name of a terminal');
  return changing(host, `pkill -KILL -u ${integer(uid)} -t ${terminals.join(',')}`);
}

export function collectList(host: SshHost, name: ListName): Command {
  return privileged(host, LISTS[name]);
}

/** Streams the file, directory or device whose path is the one line of its input. */
export function read(host: SshHost, what: 'artifact' | 'image'): Command {
  if (host.privilege === 'sudo') return privileged(host, `${READER} ${what}`);
  return { line: `${CLEAN} sh -c ${quoted(READ_SCRIPT)} firebreak-read ${what}` };
}

function privileged(host: SshHost, program: string): Command {
  return { line: `${CLEAN} ${asRoot(host, program)}` };
}

/**
 * Begins at a line on its input: a host may take any time until it has started what it was sent, and by then it may be that nobody
 * wants the change any more. A host that lets the input end before the line changes nothing.
 */
function changing(host: SshHost, program: string): Command {
  return { line: `${CLEAN} sh -c ${quoted(AT_A_LINE)} sh ${asRoot(host, program)}`, begins: '\n' };
}

function asRoot({ privilege }: SshHost, program: string): string {
  return privilege === 'sudo' ? `sudo -n ${program}` : program;
}

/** @throws RangeError for anything that is no name of an account; callers have checked it before */
function word(name: string): string {
  if (!ACCOUNT.test(name)) throw new RangeError('This is no name of a local account');
  return quoted(name);
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('This is no whole number');
  return String(value);
}
