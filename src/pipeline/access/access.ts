import { z } from 'zod';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { canonicalAccount } from './identities.ts';
import type { RoleName } from '../vocabulary.ts';
import { OPERATION_NAMES } from './operations.ts';
import { inOrder, roleFaults } from './role-names.ts';

/** Longest name of a person, a service account or a key, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200;
/** Longest email address: RFC 5321 allows 254 in a path. */
export const MAX_EMAIL_LENGTH = 254;
/** Longest id of an account in another system, in UTF-16 units: an LDAP distinguished name fits. */
export const MAX_ACCOUNT_ID_LENGTH = 512;
/** Accounts one person may have in other systems. */
export const MAX_LINKED_ACCOUNTS = 50;
/** Roles of one account or group: all built-in ones and as many of the organisation's. */
export const MAX_ROLES_HELD = 32;

/** A person or a service account. `email` and `linkedAccounts` are canonical: NFC, lower case. */
export const USER = z.strictObject({
  id: z.string(),
  kind: z.enum(['person', 'service']),
  name: z.string(),
  email: z.string().nullable(),
  /** The own ones: what groups give them as well stands in `UserInForce`. */
  roles: z.array(z.string()),
  disabled: z.boolean(),
  linkedAccounts: z.array(z.string()),
  /** Ids of their groups, sorted. Absent: none. */
  groups: z.array(z.string()).optional(),
  createdAt: z.int(),
});
export type User = Readonly<z.infer<typeof USER>>;

/** What may be given of a user; members left out stay as they are (or take the default, when creating). */
export interface UserInput {
  readonly name?: string | undefined;
  readonly email?: string | null | undefined;
  readonly roles?: readonly RoleName[] | undefined;
  /** Ids of groups. */
  readonly groups?: readonly string[] | undefined;
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
  ['access.passkey_saved', ['/passkey/name']],
  ['access.group_saved', []],
  ['access.group_deleted', []],
  ['access.role_saved', []],
  ['access.role_deleted', []],
]);

/** What an account may be given besides the built-in roles. */
export interface Given {
  readonly customRoles: readonly RoleName[];
  /** Ids. */
  readonly groups: readonly string[];
}
const NOTHING_GIVEN: Given = { customRoles: [], groups: [] };

/** The user with `input` applied and everything canonical. @throws FirebreakError `invalid_request` with each fault. */
export function applyUserInput(user: User, input: UserInput, given: Given = NOTHING_GIVEN): User {
  const faults: Fault[] = [];
  const name = input.name === undefined ? user.name : textOf(input.name, '/name', MAX_NAME_LENGTH, faults);
  const email = input.email === undefined ? user.email : emailOf(input.email, faults);
  if (user.kind === 'person' && email === null && faults.length === 0) {
    faults.push({ pointer: '/email', detail: 'a person needs an email address' });
  }
  const linked = input.linkedAccounts === undefined ? user.linkedAccounts : linkedOf(input.linkedAccounts, faults);
  if (input.roles !== undefined)
    faults.push(...roleFaults(input.roles, given.customRoles, (index) => `/roles/${index}`));
  const groups = input.groups === undefined ? (user.groups ?? []) : groupsOf(user, input.groups, given, faults);
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The user is not valid', faults);
  const { groups: _before, ...rest } = user;
  return {
    ...rest,
    name,
    email,
    roles: input.roles === undefined ? user.roles : [...inOrder(input.roles)],
    disabled: input.disabled ?? user.disabled,
    linkedAccounts: linked,
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
  };
}

function groupsOf(user: User, groups: readonly string[], given: Given, faults: Fault[]): readonly string[] {
  if (user.kind !== 'person' && groups.length > 0) {
    faults.push({ pointer: '/groups', detail: 'groups are for people: give a service account its roles' });
  }
  for (const [index, id] of groups.entries())
    if (!given.groups.includes(id)) faults.push({ pointer: `/groups/${index}`, detail: 'is no group: name its id' });
  return [...new Set(groups)].sort();
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
