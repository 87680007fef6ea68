import type { AccessJournal, AccessWrite, PageOf, Versioned } from './access.store.ts';
import { PASSKEY, type Passkey } from './passkey.ts';

export async function loadPasskey(
  journal: Pick<AccessJournal, 'view'>,
  id: string,
): Promise<Versioned<Passkey> | null> {
  const view = await journal.view('passkey', id);
  return view === null ? null : { item: PASSKEY.parse(view.body), version: view.version };
}

/** Removed ones too: nobody registers the same again. */
export async function loadPasskeyByCredential(
  journal: Pick<AccessJournal, 'viewByUniqueKey'>,
  credentialId: string,
): Promise<Versioned<Passkey> | null> {
  const view = await journal.viewByUniqueKey('passkey', credentialId);
  return view === null ? null : { item: PASSKEY.parse(view.body), version: view.version };
}

/** Those of a person that were not removed, newest first. */
export async function listPasskeys(
  journal: Pick<AccessJournal, 'listViews'>,
  page: { readonly subject: string; readonly limit: number; readonly skip: number },
): Promise<PageOf<Passkey>> {
  const { items, total } = await journal.listViews({ kind: 'passkey', status: 'active', ...page });
  return { items: items.map(({ body }) => PASSKEY.parse(body)), total };
}

/** `version` 0: it is registered by this. */
export function passkeyWrite(passkey: Passkey, version: number, by: string, at: number): AccessWrite {
  return {
    record: { type: 'access.passkey_saved', v: 1, at, data: { by, passkey } },
    view: {
      kind: 'passkey',
      id: passkey.id,
      expectedVersion: version,
      uniqueKey: passkey.credentialId,
      status: passkey.removedAt === null ? 'active' : 'removed',
      subject: passkey.userId,
      at: passkey.createdAt,
      body: { ...passkey },
    },
  };
}
