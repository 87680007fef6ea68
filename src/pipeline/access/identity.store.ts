import type { AccessJournal, AccessWrite, Versioned } from './access.store.ts';
import { IDENTITY, type Identity } from './identity.ts';

export async function loadIdentity(journal: AccessJournal, id: string): Promise<Versioned<Identity> | null> {
  const view = await journal.view('identity', id);
  return view === null ? null : { item: IDENTITY.parse(view.body), version: view.version };
}

/** `version` 0: the account signs in for the first time. */
export function identityWrite(identity: Identity, version: number, at: number): AccessWrite {
  return {
    record: { type: 'access.identity_linked', v: 1, at, data: { by: 'system:single-sign-on', identity } },
    view: {
      kind: 'identity',
      id: identity.id,
      expectedVersion: version,
      subject: identity.userId,
      at: identity.linkedAt,
      body: { ...identity },
    },
  };
}
