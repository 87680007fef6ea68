import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { MAX_PAGE_SIZE } from '../../platform/limits.ts';
import type { Journal, RecordDraft, View } from '../../journal/journal.ts';
import type { JournalRecord } from '../audit/record.ts';
import { API_KEY, SETUP, USER, type ApiKey, type Setup, type User } from './access.ts';
import { CUSTOM_ROLE, type CustomRole } from './custom-role.ts';
import { GROUP, type Group } from './group.ts';
import { DELEGATION, type Delegation } from './delegation.ts';
import { IDENTITY, type Identity } from './identity.ts';
import { LOCKOUT, type Lockout } from './lockout.ts';
import { RECORDED_CREDENTIAL, type RecordedCredential } from './password.ts';
import { PASSKEY, type Passkey } from './passkey.ts';
import { SESSION, type Session } from './session.ts';

/** The stream of everything about people, keys and set-up. One stream: rules over all people need one order. */
export const ACCESS_STREAM = 'access';
const SETUP_ID = 'setup';

/** The part of the journal that access needs. */
export type AccessJournal = Pick<Journal, 'commit' | 'streamHead' | 'view' | 'viewByUniqueKey' | 'listViews'>;

export interface Versioned<T> {
  readonly item: T;
  readonly version: number;
}

export async function loadUser(journal: Pick<AccessJournal, 'view'>, id: string): Promise<Versioned<User> | null> {
  const view = await journal.view('user', id);
  return view === null ? null : { item: USER.parse(view.body), version: view.version };
}

export async function loadUserByEmail(journal: AccessJournal, email: string): Promise<User | null> {
  const view = await journal.viewByUniqueKey('user', email);
  return view === null ? null : USER.parse(view.body);
}

export async function loadKey(journal: Pick<AccessJournal, 'view'>, id: string): Promise<Versioned<ApiKey> | null> {
  const view = await journal.view('key', id);
  return view === null ? null : { item: API_KEY.parse(view.body), version: view.version };
}

export async function loadKeyByHash(journal: AccessJournal, hash: string): Promise<ApiKey | null> {
  const view = await journal.viewByUniqueKey('key', hash);
  return view === null ? null : API_KEY.parse(view.body);
}

export async function loadSetup(journal: AccessJournal): Promise<Versioned<Setup> | null> {
  const view = await journal.view('setup', SETUP_ID);
  return view === null ? null : { item: SETUP.parse(view.body), version: view.version };
}

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly total: number;
}

export async function listUsers(
  journal: Pick<AccessJournal, 'listViews'>,
  page: { readonly limit: number; readonly skip: number; readonly status?: string; readonly type?: string },
): Promise<PageOf<User>> {
  const { items, total } = await journal.listViews({ kind: 'user', ...page });
  return { items: items.map((view) => USER.parse(view.body)), total };
}

/** All users of a kind and status, or all there are, to the last one: whom a rule over everybody does not see, it does not hold for. */
export async function allUsers(
  journal: Pick<AccessJournal, 'listViews'>,
  filter: { readonly status?: string; readonly type?: string } = {},
): Promise<readonly User[]> {
  const users: User[] = [];
  for (;;) {
    const { items, total } = await listUsers(journal, { ...filter, limit: MAX_PAGE_SIZE, skip: users.length });
    users.push(...items);
    if (items.length === 0 || users.length >= total) return users;
  }
}

export async function listKeys(
  journal: AccessJournal,
  page: { readonly limit: number; readonly skip: number; readonly status?: string; readonly subject?: string },
): Promise<PageOf<ApiKey>> {
  const { items, total } = await journal.listViews({ kind: 'key', ...page });
  return { items: items.map((view) => API_KEY.parse(view.body)), total };
}

/** A change of one thing: its record and its view, made from the same value so that they cannot differ. */
export interface AccessWrite {
  readonly record: Omit<RecordDraft, 'trace'>;
  readonly view: View;
}

/** `version` 0: the user is new. */
export function userWrite(user: User, version: number, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.user_saved', v: 1, at, data: { by, user } },
    view: { ...userView(user), expectedVersion: version },
  };
}

export function keyWrite(key: ApiKey, version: number, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.key_saved', v: 1, at, data: { by, key } },
    view: { ...keyView(key), expectedVersion: version },
  };
}

export function setupWrite(setup: Setup, version: number, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.setup_saved', v: 1, at, data: { by, setup } },
    view: { kind: 'setup', id: SETUP_ID, expectedVersion: version, at: setup.issuedAt, body: { ...setup } },
  };
}

function userView(user: User): Omit<View, 'expectedVersion'> {
  return {
    kind: 'user',
    id: user.id,
    uniqueKey: user.email,
    status: user.disabled ? 'disabled' : 'active',
    type: user.kind,
    at: user.createdAt,
    body: { ...user },
  };
}

function keyView(key: ApiKey): Omit<View, 'expectedVersion'> {
  return {
    kind: 'key',
    id: key.id,
    uniqueKey: key.hash,
    status: key.revokedAt === null ? 'active' : 'revoked',
    subject: key.userId,
    at: key.createdAt,
    body: { ...key },
  };
}

/** Everything the access stream says, folded from its records: what the views must be equal to. */
export interface AccessState {
  readonly users: Map<string, User>;
  readonly keys: Map<string, ApiKey>;
  /** Those that did not end. */
  readonly sessions: Map<string, Session>;
  readonly credentials: Map<string, RecordedCredential>;
  readonly lockouts: Map<string, Lockout>;
  readonly identities: Map<string, Identity>;
  /** Removed ones too. */
  readonly passkeys: Map<string, Passkey>;
  readonly groups: Map<string, Group>;
  readonly roles: Map<string, CustomRole>;
  readonly delegations: Map<string, Delegation>;
  setup: Setup | null;
}

export function emptyAccessState(): AccessState {
  return {
    users: new Map(),
    keys: new Map(),
    sessions: new Map(),
    credentials: new Map(),
    lockouts: new Map(),
    identities: new Map(),
    passkeys: new Map(),
    groups: new Map(),
    roles: new Map(),
    delegations: new Map(),
    setup: null,
  };
}

/** Takes one record into the state; records of other types or versions are left to those who know them. */
export function foldAccess(state: AccessState, record: Pick<JournalRecord, 'type' | 'v' | 'data'>): AccessState {
  if (record.v !== 1) return state;
  const member = (name: string): Json | undefined => (Object.hasOwn(record.data, name) ? record.data[name] : undefined);
  switch (record.type) {
    case 'access.user_saved': {
      const user = USER.parse(member('user'));
      state.users.set(user.id, user);
      break;
    }
    case 'access.key_saved': {
      const key = API_KEY.parse(member('key'));
      state.keys.set(key.id, key);
      break;
    }
    case 'access.setup_saved':
      state.setup = SETUP.parse(member('setup'));
      break;
    case 'access.session_saved': {
      const session = SESSION.parse(member('session'));
      if (session.endedAt === null) state.sessions.set(session.id, session);
      else state.sessions.delete(session.id);
      break;
    }
    case 'access.credential_saved': {
      const credential = RECORDED_CREDENTIAL.parse(member('credential'));
      state.credentials.set(credential.userId, credential);
      break;
    }
    case 'access.sign_in_refused': {
      const lockout = LOCKOUT.parse(member('lockout'));
      state.lockouts.set(lockout.id, lockout);
      break;
    }
    case 'access.lockout_ended':
      state.lockouts.delete(z.string().parse(member('id')));
      break;
    case 'access.identity_linked': {
      const identity = IDENTITY.parse(member('identity'));
      state.identities.set(identity.id, identity);
      break;
    }
    case 'access.passkey_saved': {
      const passkey = PASSKEY.parse(member('passkey'));
      state.passkeys.set(passkey.id, passkey);
      break;
    }
    case 'access.group_saved': {
      const group = GROUP.parse(member('group'));
      state.groups.set(group.id, group);
      break;
    }
    case 'access.group_deleted':
      state.groups.delete(z.string().parse(member('id')));
      break;
    case 'access.role_saved': {
      const role = CUSTOM_ROLE.parse(member('role'));
      state.roles.set(role.name, role);
      break;
    }
    case 'access.role_deleted':
      state.roles.delete(z.string().parse(member('name')));
      break;
    case 'access.delegation_saved': {
      const delegation = DELEGATION.parse(member('delegation'));
      state.delegations.set(delegation.id, delegation);
      break;
    }
  }
  return state;
}
