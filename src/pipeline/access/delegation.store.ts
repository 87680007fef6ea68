import type { JournalReader } from '../../journal/journal.ts';
import { MAX_PAGE_SIZE } from '../../platform/limits.ts';
import type { AccessJournal, AccessWrite, PageOf, Versioned } from './access.store.ts';
import { DELEGATION, type Delegation } from './delegation.ts';

type Reader = Pick<JournalReader, 'listViews'>;

export async function loadDelegation(
  journal: Pick<AccessJournal, 'view'>,
  id: string,
): Promise<Versioned<Delegation> | null> {
  const view = await journal.view('delegation', id);
  return view === null ? null : { item: DELEGATION.parse(view.body), version: view.version };
}

/** `version` 0: it is new. */
export function delegationWrite(delegation: Delegation, version: number, by: string, at: number): AccessWrite {
  const { id, delegatorId, delegateId, revoked, until } = delegation;
  return {
    record: { type: 'access.delegation_saved', v: 1, at, data: { by, delegation } },
    view: {
      kind: 'delegation',
      id,
      expectedVersion: version,
      status: revoked === null ? 'standing' : 'revoked',
      subject: delegatorId,
      ref: delegateId,
      // Lists begin with the latest end, so that those that have not ended come before those that have.
      at: until,
      body: { ...delegation },
    },
  };
}

export async function listDelegations(
  journal: Reader,
  page: {
    readonly limit: number;
    readonly skip: number;
    readonly subject?: string;
    readonly ref?: string;
    readonly status?: string;
  },
): Promise<PageOf<Delegation>> {
  const { items, total } = await journal.listViews({ kind: 'delegation', ...page });
  return { items: items.map((view) => DELEGATION.parse(view.body)), total };
}

/** All that nobody has revoked and that have not ended, of or to one person or altogether; some may not have begun. */
export async function unendedDelegations(
  journal: Reader,
  now: number,
  who: { readonly subject?: string; readonly ref?: string } = {},
): Promise<readonly Delegation[]> {
  const found: Delegation[] = [];
  for (let skip = 0; ; skip += MAX_PAGE_SIZE) {
    const { items } = await listDelegations(journal, { ...who, status: 'standing', limit: MAX_PAGE_SIZE, skip });
    found.push(...items.filter(({ until }) => now < until));
    // The latest end comes first: behind one that has ended there is none that has not.
    if (items.length < MAX_PAGE_SIZE || items.some(({ until }) => until <= now)) return found;
  }
}
