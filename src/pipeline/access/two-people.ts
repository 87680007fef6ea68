import type { JournalReader } from '../../journal/journal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { accountsOf } from './access.ts';
import { loadUser } from './access.store.ts';
import { identitiesOf, overlaps } from './identities.ts';
import type { Principal } from './principal.ts';

/** People who have to agree before everything goes on: after a backup was restored, and after a pause. */
export const CONFIRMATIONS_NEEDED = 2;

/** Who has said it already, and who made the key that was used. */
export interface Confirmer {
  readonly by: string;
  readonly issuedBy: string;
}

/**
 * Two people, not one with two keys or two accounts: whoever made a key for somebody else has seen its secret.
 * @throws FirebreakError `conflict` when `principal` may be one of those `before`.
 */
export async function requireAnother(
  journal: Pick<JournalReader, 'view'>,
  before: readonly Confirmer[],
  principal: Principal,
): Promise<void> {
  const { userId, keyIssuedBy } = principal;
  for (const { by, issuedBy } of before) {
    const earlier = (await loadUser(journal, by))?.item;
    const accounts = earlier === undefined ? [] : accountsOf(earlier);
    if (overlaps(identitiesOf({ userId: by, linkedAccounts: accounts }), identitiesOf(principal)))
      throw new FirebreakError('conflict', 'You have confirmed this already: another person has to, too');
    if (keyIssuedBy === by || issuedBy === userId)
      throw new FirebreakError(
        'conflict',
        'One of the two keys was made by the other person; confirm with a key that you made yourself',
      );
  }
}
