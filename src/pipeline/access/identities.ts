/** Who is the same person: accounts of several names may be one's. */

/** All that somebody is known by. */
export function identitiesOf(person: {
  readonly userId: string;
  readonly linkedAccounts: readonly string[];
}): ReadonlySet<string> {
  const identities = [person.userId, ...person.linkedAccounts].map(canonicalAccount);
  // An empty link says nothing, and would make strangers the same person.
  return new Set(identities.filter((identity) => identity !== ''));
}

/** Whether two are the same person. */
export function overlaps(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  for (const identity of right) if (left.has(identity)) return true;
  return false;
}

/** Lower case and NFC, as subjects of events are. */
export function canonicalAccount(id: string): string {
  return id.normalize('NFC').trim().toLowerCase();
}
