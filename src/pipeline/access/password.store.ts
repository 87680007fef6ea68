import type { AccessJournal, AccessWrite, Versioned } from './access.store.ts';
import { LOCKOUT, type Lockout } from './lockout.ts';
import { CREDENTIAL, recordedCredential, type Credential } from './password.ts';
import type { CameFrom } from './session.ts';

export async function loadCredential(journal: AccessJournal, userId: string): Promise<Versioned<Credential> | null> {
  const view = await journal.view('credential', userId);
  return view === null ? null : { item: CREDENTIAL.parse(view.body), version: view.version };
}

/** By the hash of an invitation that was not used. */
export async function loadInvited(journal: AccessJournal, hash: string): Promise<Versioned<Credential> | null> {
  const view = await journal.viewByUniqueKey('credential', hash);
  return view === null ? null : { item: CREDENTIAL.parse(view.body), version: view.version };
}

export function credentialWrite(credential: Credential, version: number, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.credential_saved', v: 1, at, data: { by, credential: recordedCredential(credential) } },
    view: {
      kind: 'credential',
      id: credential.userId,
      expectedVersion: version,
      uniqueKey: credential.invitation?.hash ?? null,
      at,
      body: { ...credential },
    },
  };
}

export async function loadLockout(journal: AccessJournal, id: string): Promise<Versioned<Lockout> | null> {
  const view = await journal.view('lockout', id);
  return view === null ? null : { item: LOCKOUT.parse(view.body), version: view.version };
}

/** A refused sign-in, as it is recorded. */
export interface RefusedAttempt extends CameFrom {
  /** The user's id, or the row in which unknown names are counted. */
  readonly id: string;
  /** The email address, where there is such an account. What nobody has is not kept. */
  readonly account: string | null;
  /** It was locked already, so that nothing was counted. */
  readonly wasLocked: boolean;
  /** It became locked by this one. */
  readonly locks: boolean;
}

export function refusalWrite(attempt: RefusedAttempt, lockout: Lockout, version: number, at: number): AccessWrite {
  return {
    record: {
      type: 'access.sign_in_refused',
      v: 1,
      at,
      data: { by: 'system:sign-in', attempt: { ...attempt }, lockout: { ...lockout } },
    },
    view: { kind: 'lockout', id: lockout.id, expectedVersion: version, at: lockout.lastAt, body: { ...lockout } },
  };
}

/** Whoever proves who they are begins at nought again. */
export function lockoutEnded({ item, version }: Versioned<Lockout>, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.lockout_ended', v: 1, at, data: { by, id: item.id } },
    view: { kind: 'lockout', id: item.id, expectedVersion: version, at: item.lastAt, body: null },
  };
}
