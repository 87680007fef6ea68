import { z } from 'zod';
import type { View } from '../../journal/journal.ts';
import type { AccessJournal, AccessWrite, PageOf, Versioned } from './access.store.ts';
import { SESSION, type Session, type SessionEnd } from './session.ts';

/** A session with when it was last used, which no record says: known to a minute, and only while it is in force. */
export interface SeenSession {
  readonly session: Session;
  readonly seenAt: number;
}

const ROW = SESSION.extend({ seenAt: z.int() });

function seenOf(body: unknown): SeenSession {
  const { seenAt, ...session } = ROW.parse(body);
  return { session, seenAt };
}

export async function loadSession(
  journal: Pick<AccessJournal, 'view'>,
  id: string,
): Promise<Versioned<SeenSession> | null> {
  const view = await journal.view('session', id);
  return view === null ? null : { item: seenOf(view.body), version: view.version };
}

export async function loadSessionByHash(journal: AccessJournal, hash: string): Promise<Versioned<SeenSession> | null> {
  const view = await journal.viewByUniqueKey('session', hash);
  return view === null ? null : { item: seenOf(view.body), version: view.version };
}

/** Sessions of a user that did not end, newest first, with the versions of their rows. */
export async function listSessions(
  journal: AccessJournal,
  page: { readonly subject: string; readonly limit: number; readonly skip: number },
): Promise<PageOf<Versioned<SeenSession>>> {
  const { items, total } = await journal.listViews({ kind: 'session', ...page });
  return { items: items.map(({ body, version }) => ({ item: seenOf(body), version })), total };
}

export function sessionBegun(session: Session, by: string): AccessWrite {
  return {
    record: { type: 'access.session_saved', v: 1, at: session.createdAt, data: { by, session } },
    view: { ...sessionView(session, session.createdAt), expectedVersion: 0 },
  };
}

/** What ended has no row: its records say that it was. */
export function sessionEnded(
  { item: { session }, version }: Versioned<SeenSession>,
  end: SessionEnd,
  by: string,
  at: number,
): AccessWrite {
  const ended: Session = { ...session, endedAt: at, end };
  return {
    record: { type: 'access.session_saved', v: 1, at, data: { by, session: ended } },
    view: { kind: 'session', id: session.id, expectedVersion: version, at: session.createdAt, body: null },
  };
}

/** The row alone: that a session is used is no decision, and records nothing. */
export function sessionView(session: Session, seenAt: number): Omit<View, 'expectedVersion'> {
  return {
    kind: 'session',
    id: session.id,
    uniqueKey: session.hash,
    subject: session.userId,
    at: session.createdAt,
    body: { ...session, seenAt },
  };
}
