import { FirebreakError } from '../../platform/errors.ts';
import { type User } from './access.ts';
import { isActiveAdmin } from './may-change.ts';
import { enabledPeople } from './access-in-force.ts';
import { ACCESS_STREAM, loadUserByEmail, type AccessJournal, type AccessWrite } from './access.store.ts';
import { recordedTrace, type AnonymousContext } from './principal.ts';

/** Tries of one change while others change people at the same time, also over several processes: one of them wins each round. */
const MAX_TRIES = 32;

/**
 * Runs `decide` on the present state and commits what it says; when somebody else changed access in the meantime,
 * decides again, at most 32 times. The stream's head is read before anything else: whatever `decide` reads is at
 * least as new, so that a rule over all people (the last administrator stays) holds in every order.
 *
 * @throws FirebreakError what `decide` throws, or `overloaded` after the last try.
 */
export async function applyAccessChange<T>(
  journal: AccessJournal,
  ctx: AnonymousContext,
  decide: () => Promise<{ readonly writes: readonly AccessWrite[]; readonly answer: T }>,
): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const head = await journal.streamHead(ACCESS_STREAM);
    const { writes, answer } = await decide();
    if (writes.length === 0) return answer;
    const trace = recordedTrace(ctx);
    const records = writes.map((write) => ({ ...write.record, trace }));
    const append = { stream: ACCESS_STREAM, expectedSeq: head?.seq ?? 0, records };
    const [result] = await journal.commit([{ appends: [append], views: writes.map((write) => write.view) }]);
    if (result?.status === 'applied') return answer;
  }
  throw new FirebreakError('overloaded', 'Others keep changing people and keys: try again');
}

/** @throws FirebreakError `conflict` when no other enabled person than these is SECURITY_ADMIN. */
export async function requireAnotherAdmin(journal: AccessJournal, exceptIds: readonly string[]): Promise<void> {
  if (await hasActiveAdmin(journal, exceptIds)) return;
  throw new FirebreakError('conflict', 'The last SECURITY_ADMIN stays: make somebody else one first');
}

/** True when an enabled person other than these is SECURITY_ADMIN, by themselves or by a group. */
export async function hasActiveAdmin(journal: AccessJournal, exceptIds: readonly string[] = []): Promise<boolean> {
  return (await enabledPeople(journal)).some((user) => !exceptIds.includes(user.id) && isActiveAdmin(user));
}

/** @throws FirebreakError `conflict` when another user has this email. */
export async function requireFreeEmail(journal: AccessJournal, user: User): Promise<void> {
  if (user.email === null) return;
  const holder = await loadUserByEmail(journal, user.email);
  if (holder === null || holder.id === user.id) return;
  throw new FirebreakError('conflict', 'Another account has this email address', [
    { pointer: '/email', detail: 'is taken' },
  ]);
}

/** What was found. @throws FirebreakError `not_found` when it is null. */
export async function existing<T>(found: Promise<T | null>, what: string): Promise<T> {
  const item = await found;
  if (item === null) throw new FirebreakError('not_found', `There is no such ${what}`);
  return item;
}
