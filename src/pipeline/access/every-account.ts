import { accountsOf, type User } from './access.ts';
import { canonicalAccount, identitiesOf, overlaps } from './identities.ts';

/**
 * All accounts of the people to whom one of `ids` belongs, `ids` with them, in canonical form. A link of a link counts:
 * somebody's second login may name the first one only.
 */
export function everyAccountOf(
  users: readonly Pick<User, 'id' | 'email' | 'linkedAccounts'>[],
  ids: readonly string[],
): ReadonlySet<string> {
  const found = new Set(ids.map(canonicalAccount));
  let others = users.map((user) => identitiesOf({ userId: user.id, linkedAccounts: accountsOf(user) }));
  for (;;) {
    const joining = others.filter((identities) => overlaps(found, identities));
    if (joining.length === 0) return found;
    others = others.filter((identities) => !joining.includes(identities));
    for (const identities of joining) for (const identity of identities) found.add(identity);
  }
}
