import { z } from 'zod';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { canonicalAccount } from './identities.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { OPERATION_NAMES, rolesMay, type Operation } from './operations.ts';
import type { Principal } from './principal.ts';

/** Longest name of a person, a service account or a key, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200;
/** Longest email address: RFC 5321 allows 254 in a path. */
export const MAX_EMAIL_LENGTH = 254;
/** Longest id of an account in another system, in UTF-16 units: an LDAP distinguished name fits. */
export const MAX_ACCOUNT_ID_LENGTH = 512;
/** Accounts one person may have in other systems. */
export const MAX_LINKED_ACCOUNTS = 50;

/** A person or a service account. `email` and `linkedAccounts` are canonical: NFC, lower case. */
export const USER = z.strictObject({
  id: z.string(),
  kind: z.enum(['person', 'service']),
  name: z.string(),
  email: z.string().nullable(),
  roles: z.array(z.enum(ROLES)),
  disabled: z.boolean(),
  linkedAccounts: z.array(z.string()),
  createdAt: z.int(),
});
export type User = Readonly<z.infer<typeof USER>>;

/** What may be given of a user; members left out stay as they are (or take the default, when creating). */
export interface UserInput {
  readonly name?: string | undefined;
  readonly email?: string | null | undefined;
  readonly roles?: readonly Role[] | undefined;
  readonly disabled?: boolean | undefined;
  readonly linkedAccounts?: readonly string[] | undefined;
}

/** An API key as stored: the secret itself is not. */
export const API_KEY = z.strictObject({
  id: z.string(),
  userId: z.string(),
  name: z.string(),
  /** SHA-256 of the secret, hexadecimal. 256 random bits need no slow hash. */
  hash: z.string(),
  scopes: z.array(z.enum(OPERATION_NAMES)).nullable(),
  source: z.string().nullable(),
  createdAt: z.int(),
  expiresAt: z.int(),
  issuedBy: z.string(),
  revokedAt: z.int().nullable(),
});
export type ApiKey = Readonly<z.infer<typeof API_KEY>>;

/** The state of the one-time set-up. */
export const SETUP = z.strictObject({
  hash: z.string(),
  issuedAt: z.int(),
  expiresAt: z.int(),
  usedAt: z.int().nullable(),
  /** Where several processes were started: the tokens that the others printed. */
  earlier: z.array(z.strictObject({ hash: z.string(), expiresAt: z.int() })).optional(),
  /** Whom the token made an administrator, and their present first key. */
  usedBy: z.strictObject({ userId: z.string(), keyId: z.string() }).optional(),
});
export type Setup = Readonly<z.infer<typeof SETUP>>;

/**
 * Which members of which access records are personal, as JSON pointers into `data`: a later sealing of records
 * reads this, and a test fails when a record type is missing here.
 */
export const PERSONAL_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['access.user_saved', ['/user/name', '/user/email', '/user/linkedAccounts']],
  ['access.key_saved', ['/key/name']],
  ['access.setup_saved', []],
  ['access.session_saved', ['/session/account', '/session/ip', '/session/userAgent']],
  ['access.credential_saved', []],
  ['access.sign_in_refused', ['/attempt/account', '/attempt/ip', '/attempt/userAgent']],
  ['access.lockout_ended', []],
  ['access.delegation_saved', ['/delegation/reason', '/delegation/revoked/reason']],
  ['access.identity_linked', ['/identity/account', '/identity/subject']],
]);

/** The user with `input` applied and everything canonical. @throws FirebreakError `invalid_request` with each fault. */
export function applyUserInput(user: User, input: UserInput): User {
  const faults: Fault[] = [];
  const name = input.name === undefined ? user.name : textOf(input.name, '/name', MAX_NAME_LENGTH, faults);
  const email = input.email === undefined ? user.email : emailOf(input.email, faults);
  if (user.kind === 'person' && email === null && faults.length === 0) {
    faults.push({ pointer: '/email', detail: 'a person needs an email address' });
  }
  const linked = input.linkedAccounts === undefined ? user.linkedAccounts : linkedOf(input.linkedAccounts, faults);
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The user is not valid', faults);
  return {
    ...user,
    name,
    email,
    roles: input.roles === undefined ? user.roles : ROLES.filter((role) => input.roles?.includes(role)),
    disabled: input.disabled ?? user.disabled,
    linkedAccounts: linked,
  };
}

/** Everything that a user is known by in other systems, the email address first. */
export function accountsOf({ email, linkedAccounts }: Pick<User, 'email' | 'linkedAccounts'>): readonly string[] {
  return email === null ? linkedAccounts : [email, ...linkedAccounts];
}

/** `text` trimmed, or '' and a fault when it is empty, too long or not well-formed Unicode. */
export function textOf(text: string, pointer: string, maximum: number, faults: Fault[]): string {
  const trimmed = text.trim();
  if (trimmed.length === 0) faults.push({ pointer, detail: 'must not be empty' });
  else if (trimmed.length > maximum) faults.push({ pointer, detail: `must be at most ${maximum} characters` });
  else if (!trimmed.isWellFormed()) faults.push({ pointer, detail: 'holds a lone surrogate' });
  else if (CONTROL.test(trimmed)) faults.push({ pointer, detail: 'holds control characters' });
  else return trimmed;
  return '';
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

function emailOf(email: string | null, faults: Fault[]): string | null {
  if (email === null) return null;
  const text = canonicalAccount(textOf(email, '/email', MAX_EMAIL_LENGTH, faults));
  // One @ with something on both sides; whether mail arrives there is nothing a pattern can tell.
  if (text !== '' && !/^[^\s@]+@[^\s@]+$/.test(text)) faults.push({ pointer: '/email', detail: 'is not an address' });
  return text;
}

function linkedOf(accounts: readonly string[], faults: Fault[]): string[] {
  if (accounts.length > MAX_LINKED_ACCOUNTS) {
    faults.push({ pointer: '/linkedAccounts', detail: `at most ${MAX_LINKED_ACCOUNTS} accounts` });
    return [];
  }
  const texts = accounts.map((account, index) =>
    canonicalAccount(textOf(account, `/linkedAccounts/${index}`, MAX_ACCOUNT_ID_LENGTH, faults)),
  );
  return [...new Set(texts)].sort();
}

/**
 * What one person may do to another account: only accounts whose roles, before and after, the actor holds too,
 * unless the actor is SECURITY_ADMIN; and never to the own roles, status or linked accounts (those decide who may
 * vote about whom).
 *
 * @throws FirebreakError `forbidden` with the faulty member.
 */
export function requireMayChange(actor: Principal, before: User | null, after: User): void {
  requireMayActOn(actor, before ?? after);
  requireMayActOn(actor, after);
  if (before === null || before.id !== actor.userId) return;
  const faults: Fault[] = [];
  if (!sameMembers(before.roles, after.roles)) faults.push({ pointer: '/roles', detail: 'nobody changes own roles' });
  if (before.disabled !== after.disabled) faults.push({ pointer: '/disabled', detail: 'nobody disables themselves' });
  if (!sameMembers(before.linkedAccounts, after.linkedAccounts)) {
    faults.push({ pointer: '/linkedAccounts', detail: 'nobody changes own linked accounts' });
  }
  if (faults.length > 0) throw new FirebreakError('forbidden', 'Somebody else has to make this change', faults);
}

/** @throws FirebreakError `forbidden` when `target` holds a role that `actor` lacks and actor is no SECURITY_ADMIN. */
export function requireMayActOn(actor: Principal, target: User): void {
  if (actor.roles.includes('SECURITY_ADMIN')) return;
  const beyond = target.roles.filter((role) => !actor.roles.includes(role));
  if (beyond.length === 0) return;
  throw new FirebreakError('forbidden', 'Only a SECURITY_ADMIN acts on roles they do not hold', [
    { pointer: '/roles', detail: `not held: ${beyond.join(', ')}` },
  ]);
}

/**
 * An account of an identity provider is a way in, to all that the user's roles allow: a scoped key must not open one.
 *
 * @throws FirebreakError `forbidden`.
 */
export function requireMayLink(actor: Principal, before: User | null, after: User): void {
  if (actor.scopes === null) return;
  const added = after.linkedAccounts.filter((account) => !(before?.linkedAccounts ?? []).includes(account));
  if (!added.some((account) => account.startsWith('oidc:'))) return;
  throw new FirebreakError('forbidden', 'A scoped key cannot link an account with which somebody signs in', [
    { pointer: '/linkedAccounts', detail: 'holds a new account of an identity provider' },
  ]);
}

/** True for those who keep the house open: an enabled person with SECURITY_ADMIN. */
export function isActiveAdmin(user: User): boolean {
  return user.kind === 'person' && !user.disabled && user.roles.includes('SECURITY_ADMIN');
}

/** The scopes, in table order. @throws FirebreakError `invalid_request` for one that the owner's roles do not allow. */
export function checkedScopes(owner: User, scopes: readonly Operation[] | null): Operation[] | null {
  if (scopes === null) return null;
  const faults = scopes.flatMap((scope, index) =>
    rolesMay(owner.roles, owner.kind, scope)
      ? []
      : [{ pointer: `/scopes/${index}`, detail: `the roles of ${owner.id} do not allow ${scope}` }],
  );
  if (scopes.length === 0) faults.push({ pointer: '/scopes', detail: 'name at least one, or leave it out for all' });
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The scopes are not valid', faults);
  return OPERATION_NAMES.filter((name) => scopes.includes(name));
}

function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((member) => right.includes(member));
}
