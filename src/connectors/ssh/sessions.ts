import { z } from 'zod';
import { contentHash } from '../../platform/hash.ts';
import type { ActionContext, ActionHandler, JsonObject, VerifyResult } from '../../pipeline/actions/contract.ts';
import { type Call, handler, refused } from '../define-handler.ts';
import { accountOf, database } from './accounts.ts';
import { endConnections, endTerminals, listProcesses, showAccount, TERMINAL, type Command } from './commands.ts';
import { declare } from './declare.ts';
import type { SshHost } from './hosts-file.ts';
import type { HostInventory } from './inventory.ts';
import type { Pool } from './pool.ts';
import { failedCommand, foundNothing, outcomeOf } from './run.ts';

/**
 * FULL_SESSION_KILL for accounts of one host: ends its SSH connections and all that it runs at a terminal. What runs without one
 * (services, timers, what somebody detached) goes on: `endProcesses` of DISABLE_COMPROMISED_CREDENTIALS ends that as well. Nobody
 * is kept from signing in again; that is what disabling is for.
 */
export interface SessionPorts {
  readonly pool: Pool;
  /** The wall clock, ms since 1970. */
  readonly now: () => number;
}

/** A process that was ended may still be listed until its parent has heard of it, in ms. */
const GONE_MS = 1_000;
/** Hosts count the age of a process in whole seconds, and each list takes a moment, in ms. */
const AGE_SLACK_MS = 1_000;
/** Ids of terminals that are ended by one command: more than this of one account is no person. */
const MAX_TERMINALS = 256;

const parameters = z.strictObject({});

export function endSessions(ports: SessionPorts, inventory: HostInventory): ActionHandler {
  return handler({
    declaration: declare('FULL_SESSION_KILL', {
      targetType: 'user',
      idempotency: 'state',
      reversibility: 'selfRecoverable',
      holds: null,
      contains: true,
      settleMs: GONE_MS,
    }),
    parameters,
    perform: (call) => endAll(ports, inventory, call),
    verify: (call) => verify(ports, inventory, call),
  });
}

/** One process of an account that belongs to a session. */
interface SessionProcess {
  readonly pid: number;
  /** How long it runs, in ms. */
  readonly ageMs: number;
  /** Null: it is sshd's own, for a connection. */
  readonly terminal: string | null;
}

async function endAll(ports: SessionPorts, inventory: HostInventory, call: Call<unknown>): Promise<JsonObject> {
  const { host, uid } = await accountAt(ports, inventory, call);
  const { context } = call;
  const found = await sessionsOf(ports, host, uid, context);
  const endedAt = ports.now();
  const terminals = [...new Set(found.flatMap(({ terminal }) => terminal ?? []))]
    .filter((each) => TERMINAL.test(each))
    .slice(0, MAX_TERMINALS);
  // Connections first: what their terminals run hears of it by itself.
  await end(ports, host, endConnections(host, uid), context);
  if (terminals.length > 0) await end(ports, host, endTerminals(host, uid, terminals), context);
  return { changed: found.length > 0, ended: found.length, endedAt };
}

async function end({ pool }: SessionPorts, host: SshHost, command: Command, context: ActionContext): Promise<void> {
  const exit = await outcomeOf(pool, host, command, { context, changes: true });
  if (exit.code !== 0 && !foundNothing(exit)) throw failedCommand(host, exit);
}

/** Whether none is left of the sessions that were there; those that began since are not this effect's. */
async function verify(ports: SessionPorts, inventory: HostInventory, call: Call<unknown>): Promise<VerifyResult> {
  const { host, uid } = await accountAt(ports, inventory, call);
  const present = await sessionsOf(ports, host, uid, call.context);
  const endedAt = call.outcome?.['endedAt'];
  // Without the answer nobody knows when it was done: every session counts.
  const sinceMs = typeof endedAt === 'number' ? ports.now() - endedAt : 0;
  const left = present.filter(({ ageMs }) => ageMs + AGE_SLACK_MS >= sinceMs);
  const digest = contentHash({ left: left.map(({ pid, terminal }) => ({ pid, terminal })) });
  return { says: left.length === 0 ? 'holds' : 'absent', digest };
}

/** @throws ConnectorError also for accounts that run the system, or that keep the host manageable */
async function accountAt(
  { pool }: SessionPorts,
  inventory: HostInventory,
  { target, context }: Call<unknown>,
): Promise<{ readonly host: SshHost; readonly uid: number }> {
  const { host, name } = accountOf(inventory, target.id);
  const [, , uid = ''] = await database(pool, host, showAccount(name), name, context);
  if (!/^\d{1,10}$/.test(uid))
    throw refused('unexpected_reply', `the account database of ${host.id} has an entry of an unknown form`);
  if (Number(uid) === 0) throw refused('account_protected', `the account has the rights of root on ${host.id}`);
  return { host, uid: Number(uid) };
}

/** @throws ConnectorError */
async function sessionsOf(
  { pool }: SessionPorts,
  host: SshHost,
  uid: number,
  context: ActionContext,
): Promise<readonly SessionProcess[]> {
  const exit = await outcomeOf(pool, host, listProcesses(host, uid), { context, changes: false });
  if (exit.code !== 0 && !foundNothing(exit)) throw failedCommand(host, exit);
  return exit.output
    .split('\n')
    .slice(1)
    .flatMap((line) => sessionProcess(line));
}

/** A line of `ps`; none for what has no terminal and is not sshd's. The last part is named by the process itself: it may hold anything. */
function sessionProcess(line: string): SessionProcess[] {
  const found = /^\s*(\d{1,10})\s+(\d{1,12})\s+(\S{1,32})(?:\s+(.*))?$/.exec(line);
  if (found === null) return [];
  const [, pid, seconds, tty = '?', name = ''] = found;
  const process = { pid: Number(pid), ageMs: Number(seconds) * 1_000 };
  if (tty !== '?') return [{ ...process, terminal: tty }];
  return name.includes('sshd') ? [{ ...process, terminal: null }] : [];
}
