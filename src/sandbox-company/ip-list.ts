import {
  applyEffect,
  leaveTrace,
  LIMITS,
  live,
  Refusal,
  type AppliedMark,
  type Change,
  type IpEntry,
  type World,
} from './company.ts';

/**
 * The deny and allow list. As at real providers it is replaced as a whole, guarded by a version: who writes a list
 * that somebody changed since is refused (412) and has to read again.
 */

/** The list without what has expired; `marks` are the changes that the request with this key made. */
export function ipListView(
  world: World,
  reference: string | null,
  now: number,
): { version: number; entries: readonly IpEntry[]; marks: readonly AppliedMark[] } {
  const { version, entries, marks } = world.ipList;
  return {
    version,
    entries: entries.filter((entry) => live(entry, now) !== null),
    marks: reference === null ? [] : (marks.get(reference) ?? []),
  };
}

/** PUT /ip-list. `If-Match` is required (428). Each entry that came or went is one effect. */
export function replaceIpList(change: Change, entries: readonly IpEntry[]): { version: number } {
  const { world, now } = change;
  if (change.ifMatch === null)
    throw new Refusal(428, 'precondition_required', 'If-Match with the list version is required');
  if (change.ifMatch !== world.ipList.version) throw new Refusal(412, 'stale_version', 'the list was changed since');
  const next = new Map<string, IpEntry>();
  for (const [index, entry] of entries.entries()) {
    if (entry.expiresAt !== null && entry.expiresAt > now + LIMITS.lifetimeMs) {
      throw new Refusal(400, 'invalid_body', 'must lie within a year', `/entries/${index}/expiresAt`);
    }
    if (next.has(nameOf(entry))) throw new Refusal(400, 'invalid_body', 'is there twice', `/entries/${index}`);
    if (live(entry, now) !== null) next.set(nameOf(entry), entry);
  }
  const before = new Map(ipListView(world, null, now).entries.map((entry) => [nameOf(entry), entry]));
  for (const [name, entry] of next) if (!before.has(name)) note(change, entry, 'add');
  for (const [name, entry] of before) if (!next.has(name)) note(change, entry, 'remove');
  world.ipList.entries = [...next.values()];
  world.ipList.version += 1;
  return { version: world.ipList.version };
}

function note(change: Change, entry: IpEntry, what: 'add' | 'remove'): void {
  const effect = `ip.${entry.list}.${what}`;
  const { at, rev } = applyEffect(change, effect, entry.ip);
  leaveTrace(change.world.ipList.marks, change.key, { effect, at, rev });
}

/** Entries of different owners for one address live side by side, so that each can be taken back alone. */
function nameOf(entry: IpEntry): string {
  return `${entry.list} ${entry.ip} ${entry.owner ?? ''}`;
}
