import {
  applyToUser,
  LIMITS,
  live,
  Refusal,
  userToChange,
  type Change,
  type Session,
  type Token,
  type User,
  type World,
} from './company.ts';

/** Sessions, tokens and devices: what a user (or an intruder) holds, and how it is taken away. */

/** Sign-in. Whatever contains an account must be seen here: this is where a containment works or does not. */
export function signIn(
  change: Change,
  userId: string,
  body: { ip: string; country: string; deviceId: string | null },
): { sessionId: string; tokenId: string } {
  const user = userToChange(change, userId);
  if (user.suspended !== null) throw new Refusal(403, 'account_suspended', 'the account is suspended');
  if (user.credentialsDisabled !== null)
    throw new Refusal(403, 'credentials_disabled', 'password and keys of the account are disabled');
  if (user.passwordMustChange !== null) throw new Refusal(403, 'password_must_change', 'a new password is required');
  if (isDenied(change.world, body.ip, change.now))
    throw new Refusal(403, 'ip_denied', 'the address is on the deny list');
  const lock = live(user.geoLock, change.now);
  if (lock !== null && !lock.allowedCountries.includes(body.country)) {
    throw new Refusal(403, 'country_locked', 'sign-in from this country is locked');
  }
  if (body.deviceId !== null && !user.devices.has(body.deviceId)) {
    throw new Refusal(403, 'device_not_enrolled', 'the device is not enrolled');
  }
  const { rev } = applyToUser(change, user, 'session.create');
  return openSession(user, body, change.now, rev);
}

/** Adds a session with its refresh token; also used by seeding. */
export function openSession(
  user: User,
  from: { ip: string; country: string; deviceId: string | null },
  now: number,
  rev: number,
): { sessionId: string; tokenId: string } {
  if (user.sessions.size >= LIMITS.perUser || user.tokens.size >= LIMITS.perUser) {
    throw new Refusal(409, 'full', 'too many sessions');
  }
  const sessionId = `ses_${rev}`;
  const tokenId = `tok_${rev}`;
  user.sessions.set(sessionId, { id: sessionId, ...from, createdAt: now, rev });
  user.tokens.set(tokenId, { id: tokenId, kind: 'refresh', sessionId, ip: from.ip, createdAt: now, rev });
  return { sessionId, tokenId };
}

/** An explicit deny wins over an allow. */
function isDenied(world: World, ip: string, now: number): boolean {
  return world.ipList.entries.some((entry) => entry.list === 'deny' && entry.ip === ip && live(entry, now) !== null);
}

/** Ends every session and its tokens; API tokens stay, as in most directories. */
export function killSessions(change: Change, userId: string): { ended: string[] } {
  const user = userToChange(change, userId);
  applyToUser(change, user, 'session.kill');
  const ended = [...user.sessions.keys()];
  user.sessions.clear();
  for (const token of user.tokens.values()) if (token.sessionId !== null) user.tokens.delete(token.id);
  return { ended };
}

/** The reply of a kill that was not done: the lie that read-back has to find. */
export function pretendToKillSessions(change: Change, userId: string): { ended: string[] } {
  return { ended: [...userToChange(change, userId).sessions.keys()] };
}

export interface TokenSelection {
  readonly ip?: string | undefined;
  readonly sessionIds?: readonly string[] | undefined;
  readonly tokenIds?: readonly string[] | undefined;
}

/**
 * The tokens meant: from the address, of the sessions, or named; without any criterion the suspicious ones, which
 * are those of sessions on no enrolled device.
 */
export function selectTokens(
  tokens: Iterable<Token>,
  sessions: ReadonlyMap<string, Session>,
  selection: TokenSelection,
): Token[] {
  const { ip, sessionIds, tokenIds } = selection;
  const all = [...tokens];
  if (ip === undefined && sessionIds === undefined && tokenIds === undefined) {
    return all.filter(({ sessionId }) => sessionId !== null && (sessions.get(sessionId)?.deviceId ?? null) === null);
  }
  return all.filter(
    (token) =>
      token.ip === ip ||
      (token.sessionId !== null && sessionIds?.includes(token.sessionId) === true) ||
      tokenIds?.includes(token.id) === true,
  );
}

/** Revokes the selected tokens and ends the sessions that lived on them. */
export function revokeTokens(change: Change, userId: string, selection: TokenSelection): { revoked: string[] } {
  const user = userToChange(change, userId);
  const selected = selectTokens(user.tokens.values(), user.sessions, selection);
  applyToUser(change, user, 'token.revoke');
  for (const token of selected) {
    user.tokens.delete(token.id);
    if (token.sessionId !== null) user.sessions.delete(token.sessionId);
  }
  return { revoked: selected.map((token) => token.id) };
}

export function enrolDevice(change: Change, userId: string, body: { name: string }): { deviceId: string } {
  const user = userToChange(change, userId);
  if (user.devices.size >= LIMITS.perUser) throw new Refusal(409, 'full', 'too many devices');
  const { rev } = applyToUser(change, user, 'device.enrol');
  const deviceId = `dev_${rev}`;
  user.devices.set(deviceId, { id: deviceId, name: body.name, enrolledAt: change.now, rev });
  return { deviceId };
}

/** Removes the named trusted devices, or all. An unknown one is refused before anything is removed. */
export function deregisterDevices(
  change: Change,
  userId: string,
  body: { deviceIds?: readonly string[] | undefined },
): { removed: string[] } {
  const user = userToChange(change, userId);
  const ids = body.deviceIds ?? [...user.devices.keys()];
  const missing = ids.find((id) => !user.devices.has(id));
  if (missing !== undefined) throw new Refusal(404, 'device_not_found', 'there is no such device');
  applyToUser(change, user, 'device.deregister');
  for (const id of ids) user.devices.delete(id);
  return { removed: [...ids] };
}
