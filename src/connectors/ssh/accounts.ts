import { z } from 'zod';
import { contentHash, sha256 } from '../../platform/hash.ts';
import {
  ConnectorError,
  type ActionContext,
  type ActionHandler,
  type JsonObject,
  type UndoResult,
  type VerifyResult,
} from '../../pipeline/actions/contract.ts';
import { type Call, handler, objectOf, refused } from '../define-handler.ts';
import { changeAccount, endProcesses, showAccount, showShadow, type Command } from './commands.ts';
import { declare } from './declare.ts';
import { answered } from './failure.ts';
import { ACCOUNT, type SshHost } from './hosts-file.ts';
import type { HostInventory } from './inventory.ts';
import type { Pool } from './pool.ts';
import { failedCommand, foundNothing, outcomeOf, run } from './run.ts';

/**
 * DISABLE_COMPROMISED_CREDENTIALS for accounts of one host: the password is locked and the account has expired, which keeps SSH keys
 * out as well (sshd and PAM both ask for it), so that no key file has to be touched. The day on which it expired lies in the past
 * and is made of the effect's key: that is how the lock of this effect is told from one that somebody else set.
 */
const parameters = z.strictObject({
  /** Ends every process of the account at once. Off by default: it cannot be undone, and services run under accounts too. */
  endProcesses: z
    .preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean())
    .default(false),
});
type Parameters = z.infer<typeof parameters>;

/** Days since 1970 of which one is the mark: all before 1997, so that no real end of a contract is among them. */
const MARK_DAYS = 9_800;
const FIRST_MARK_DAY = 2;
/** Accounts that run the system itself: without root nobody can repair anything. */
const ALWAYS_PROTECTED = new Set(['root']);

export function disableCredentials(pool: Pool, inventory: HostInventory): ActionHandler {
  return handler<Parameters>({
    declaration: declare('DISABLE_COMPROMISED_CREDENTIALS', {
      targetType: 'user',
      idempotency: 'state',
      reversibility: 'undo',
      holds: 'account.disabled',
      contains: true,
    }),
    parameters,
    async observe({ target, context }) {
      const { host, name } = accountOf(inventory, target.id);
      const now = await readAccount(pool, host, name, context);
      // After a crash between call and record the lock may already be ours: what was before it is not known then.
      return { present: now.expires === markDay(context.idempotencyKey) ? null : shown(now) };
    },
    perform: (call) => lock(pool, inventory, call),
    verify: (call) => verify(pool, inventory, call),
    undo: (call) => restore(pool, inventory, call),
  });
}

/** The day that marks what an effect locked. Of 9,800 days: two effects on one account share it once in 9,800 times. */
function markDay(effectKey: string): number {
  return FIRST_MARK_DAY + (sha256(`firebreak account ${effectKey}`).readUInt32BE(0) % MARK_DAYS);
}

/** @throws ConnectorError for anything but `account@host`, and for accounts that must never be locked */
export function accountOf(inventory: HostInventory, id: string): { readonly host: SshHost; readonly name: string } {
  const at = id.lastIndexOf('@');
  const name = id.slice(0, Math.max(at, 0));
  if (!ACCOUNT.test(name))
    throw refused('invalid_target', 'a local account is named account@host_id, for example deploy@web-1');
  const host = inventory.host(id.slice(at + 1));
  if (!host.local_accounts)
    throw refused('not_offered', `the hosts file does not say "local_accounts: true" for ${host.id}`);
  if (ALWAYS_PROTECTED.has(name) || name === host.user || host.protected_accounts.includes(name))
    throw refused('account_protected', `${name} is protected on ${host.id}: it keeps the host manageable`);
  return { host, name };
}

/** What decides whether somebody gets in. The hash of the password is never kept. */
interface AccountState {
  readonly locked: boolean;
  /** Days since 1970; null: never. */
  readonly expires: number | null;
  readonly uid: number;
  readonly shell: string;
}

async function readAccount(pool: Pool, host: SshHost, name: string, context: ActionContext): Promise<AccountState> {
  const entry = await database(pool, host, showAccount(name), name, context);
  const shadow = await database(pool, host, showShadow(host, name), name, context);
  const [, , uid = '', , , , shell = ''] = entry;
  const [, password = '', , , , , , expires = ''] = shadow;
  if (!/^\d{1,10}$/.test(uid) || !/^\d{0,6}$/.test(expires))
    throw refused('unexpected_reply', `the account database of ${host.id} has an entry of an unknown form`);
  return {
    locked: password.startsWith('!'),
    expires: expires === '' ? null : Number(expires),
    uid: Number(uid),
    shell,
  };
}

export async function database(
  pool: Pool,
  host: SshHost,
  command: Command,
  name: string,
  context: ActionContext,
): Promise<string[]> {
  const exit = await outcomeOf(pool, host, command, { context, changes: false });
  if (exit.code === 2) throw answered('user_not_found', `${host.id} has no account of this name`);
  if (exit.code !== 0) throw failedCommand(host, exit);
  const fields = exit.output.trimEnd().split(':');
  // `getent` also takes numbers; what it gives has to be the account that was asked for.
  if (fields[0] !== name) throw refused('unexpected_reply', `${host.id} answered with another account`);
  return fields;
}

function shown({ locked, expires, uid, shell }: AccountState): JsonObject {
  return { locked, expires, uid, shell: shell.slice(0, 200).toWellFormed() };
}

function isShut({ locked, expires }: AccountState): boolean {
  // 0 means "never" to some readers of this field and "1970" to others.
  return locked && expires !== null && expires > 0 && expires <= MARK_DAYS + FIRST_MARK_DAY;
}

async function lock(pool: Pool, inventory: HostInventory, call: Call<Parameters>): Promise<JsonObject> {
  const { host, name } = accountOf(inventory, call.target.id);
  const { context } = call;
  const mark = markDay(context.idempotencyKey);
  const now = await readAccount(pool, host, name, context);
  const changed = !isShut(now) || now.expires === mark;
  if (!isShut(now)) {
    const options = { context, changes: true };
    await run(pool, host, changeAccount(host, name, now.locked ? 'keep' : 'lock', mark), options);
  }
  const ended = call.parameters.endProcesses ? await endAll(pool, host, now.uid, context) : false;
  return { changed, ended };
}

/** Whether there was anything to end. */
async function endAll(pool: Pool, host: SshHost, uid: number, context: ActionContext): Promise<boolean> {
  if (uid === 0) throw refused('account_protected', `the account has the rights of root on ${host.id}`);
  const exit = await outcomeOf(pool, host, endProcesses(host, uid), { context, changes: true });
  if (exit.code === 0) return true;
  if (foundNothing(exit)) return false;
  // The account is locked by now; what failed is the rest, and it can be tried again.
  const { code, message } = failedCommand(host, exit);
  throw new ConnectorError(code, message, { retryable: true, resultUnknown: false, answered: true });
}

async function verify(
  pool: Pool,
  inventory: HostInventory,
  { target, context }: Call<Parameters>,
): Promise<VerifyResult> {
  const { host, name } = accountOf(inventory, target.id);
  const now = await readAccount(pool, host, name, context);
  const digest = contentHash(shown(now));
  if (!isShut(now)) return { says: 'absent', digest };
  return { says: now.expires === markDay(context.effectKey) ? 'holds' : 'foreign', digest };
}

async function restore(pool: Pool, inventory: HostInventory, call: Call<Parameters>): Promise<UndoResult> {
  const { context, prior, outcome } = call;
  const { host, name } = accountOf(inventory, call.target.id);
  const now = await readAccount(pool, host, name, context);
  const digest = contentHash(shown(now));
  const former = objectOf(prior?.['present']);
  const wasLocked = former?.['locked'] === true;
  const expires = typeof former?.['expires'] === 'number' ? former['expires'] : null;
  if (now.expires !== markDay(context.effectKey)) {
    if (outcome?.['changed'] === false) return { result: 'not_needed', digest };
    const isBack = former !== null && now.locked === wasLocked && now.expires === expires;
    return { result: isBack ? (outcome === null ? 'not_needed' : 'restored') : 'superseded', digest };
  }
  // Without what was before nobody knows whether it was open: a person has to say so.
  if (former === null) throw refused('prior_unknown', `what ${name} was like before on ${host.id} was not recorded`);
  const how = now.locked && !wasLocked ? 'unlock' : 'keep';
  await run(pool, host, changeAccount(host, name, how, expires), { context, changes: true });
  return { result: 'restored', digest: contentHash(shown(await readAccount(pool, host, name, context))) };
}
