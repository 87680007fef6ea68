import type { AccessJournal, AccessWrite } from './access.store.ts';
import { MAX_SESSIONS, type SessionEnd } from './session.ts';
import { listSessions, sessionEnded } from './session.store.ts';

/** The writes that end every session of a user, `keep` excepted. `by`: whoever made it so. */
export async function endSessionsOf(
  journal: AccessJournal,
  user: { readonly id: string; readonly keep?: string },
  { end, by, at }: { readonly end: SessionEnd; readonly by: string; readonly at: number },
): Promise<readonly AccessWrite[]> {
  const { items } = await listSessions(journal, { subject: user.id, limit: MAX_SESSIONS, skip: 0 });
  return items.filter(({ item }) => item.session.id !== user.keep).map((session) => sessionEnded(session, end, by, at));
}
