import { challengeStatus } from './challenges.ts';
import { live, type Challenge, type Host, type Message, type Segment, type User, type World } from './company.ts';
import { ipListView } from './ip-list.ts';

/** What reads show. Pure functions of a world, so that a stale read is the same function on a former world. */

/** GET /users/:id; `marks` are the effects that the request with this key had on the user. */
export function userView(user: User, reference: string | null, now: number): object {
  return {
    user: {
      id: user.id,
      mail: user.mail,
      name: user.name,
      homeCountry: user.homeCountry,
      roles: user.roles,
      version: user.version,
      suspended: user.suspended,
      passwordMustChange: user.passwordMustChange,
      loggingLevel: live(user.logging, now) === null ? 'standard' : 'enhanced',
      logging: live(user.logging, now),
      geoLock: live(user.geoLock, now),
      actionBlock: user.actionBlock,
      privileges: [...user.privileges.values()].map((grant) => ({ ...grant, effective: user.actionBlock === null })),
      sessions: [...user.sessions.values()],
      credentialsDisabled: user.credentialsDisabled,
      tokens: [...user.tokens.values()].map((token) => ({ ...token, effective: user.credentialsDisabled === null })),
      devices: [...user.devices.values()],
    },
    marks: reference === null ? [] : (user.marks.get(reference) ?? []),
    now,
  };
}

/** GET /hosts/:id; what is in its files is not shown here. `reachable` says from where somebody gets there now. */
export function hostView(world: World, host: Host, reference: string | null, now: number): object {
  const { id, segmentId, version, isolated, diskBytes, memoryBytes } = host;
  const cut = isolated !== null;
  const segmentCut = cut || (world.segments.get(segmentId)?.isolated ?? null) !== null;
  return {
    host: {
      id,
      segmentId,
      version,
      isolated,
      reachable: { management: true, segment: !cut, outside: !segmentCut },
      diskBytes,
      memoryBytes,
      files: [...host.files.values()].map(({ path, size, modifiedAt, revision }) => ({
        path,
        size,
        modifiedAt,
        revision,
      })),
    },
    marks: reference === null ? [] : (host.marks.get(reference) ?? []),
    now,
  };
}

/** GET /segments/:id */
export function segmentView(world: World, segment: Segment, reference: string | null, now: number): object {
  const { id, version, isolated } = segment;
  const hosts = [...world.hosts.values()].filter(({ segmentId }) => segmentId === id).map((host) => host.id);
  return {
    segment: { id, version, isolated, hosts },
    marks: reference === null ? [] : (segment.marks.get(reference) ?? []),
    now,
  };
}

/** A challenge without its code. */
export function challengeView(challenge: Challenge, now: number): object {
  const { id, userId, type, reference, createdAt, expiresAt, triesLeft } = challenge;
  return { id, userId, type, reference, createdAt, expiresAt, triesLeft, status: challengeStatus(challenge, now) };
}

export function messagesView(messages: readonly Message[], now: number): object {
  return { messages, now };
}

/** GET /state: everything an outside verifier needs, no codes and no mail bodies. */
export function stateView(world: World, now: number): object {
  return {
    now,
    rev: world.rev,
    users: [...world.users.values()].map((user) => userView(user, null, now)),
    hosts: [...world.hosts.values()].map((host) => hostView(world, host, null, now)),
    segments: [...world.segments.values()].map((segment) => segmentView(world, segment, null, now)),
    ipList: ipListView(world, null, now),
    challenges: [...world.challenges.values()].map((challenge) => challengeView(challenge, now)),
    mailboxes: [...world.mailboxes].map(([address, box]) => ({ address, messages: box.messages.length })),
    hooks: world.hooks,
  };
}
