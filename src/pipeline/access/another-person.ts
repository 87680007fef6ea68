import type { JournalReader } from '../../journal/journal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { allUsers } from './access.store.ts';
import { everyAccountOf } from './every-account.ts';
import { identitiesOf, overlaps } from './identities.ts';
import type { Principal } from './principal.ts';

/** People who have to agree before everything goes on: after a backup was restored, and after a pause. */
export const CONFIRMATIONS_NEEDED = 2;

/** Somebody's word, as it was recorded: whose it was, and who had made the key with which it was given. */
export interface Word {
  readonly by: string;
  readonly issuedBy: string;
}

export function wordOf({ userId: by, keyIssuedBy: issuedBy }: Principal): Word {
  return { by, issuedBy };
}

/**
 * Two people, not one with two keys or two accounts: whoever made a key for somebody else has seen its secret, and whoever made
 * both could be both. Everybody's accounts are taken as they are now, whichever of two names the other, and through a third one.
 * @throws FirebreakError `conflict` when `principal` is, or may be, one of those who gave their word before.
 */
export async function requireAnother(
  journal: Pick<JournalReader, 'listViews'>,
  before: readonly Word[],
  principal: Principal,
): Promise<void> {
  const users = await allUsers(journal);
  const own = everyAccountOf(users, [...identitiesOf(principal)]);
  const maker = everyAccountOf(users, [principal.keyIssuedBy]);
  for (const { by, issuedBy } of before) {
    const theirs = everyAccountOf(users, [by]);
    const theirMaker = everyAccountOf(users, [issuedBy]);
    if (overlaps(theirs, own))
      throw new FirebreakError('conflict', 'You have given your word on this already: another person has to, too');
    if (overlaps(theirs, maker) || overlaps(own, theirMaker))
      throw new FirebreakError(
        'conflict',
        'One of the two keys was made by the other person; confirm with a key that you made yourself',
      );
    // Not one's own, as the lines above say: a third person has seen both secrets.
    if (overlaps(maker, theirMaker))
      throw new FirebreakError(
        'conflict',
        'Both keys were made by the same person; confirm with a key that you made yourself',
      );
  }
}
