import { deregisterDevices, enrolDevice, killSessions, pretendToKillSessions, revokeTokens, signIn } from './access.ts';
import {
  blockActions,
  changePassword,
  disableCredentials,
  enableCredentials,
  grantPrivilege,
  removeGeoLock,
  requirePasswordChange,
  resetLogging,
  setEnhancedLogging,
  setGeoLock,
  suspend,
  unblockActions,
  unsuspend,
} from './accounts.ts';
import { BODIES, parseBody } from './bodies.ts';
import { answerChallenge, challengeOf, issueChallenge } from './challenges.ts';
import { applyEffect, LIMITS, Refusal, userOf, type Change, type World } from './company.ts';
import { ipListView, replaceIpList } from './ip-list.ts';
import { messagesIn, notifyUser, sendMail } from './messages.ts';
import { connect, hostOf, isolate, letGo, segmentOf } from './network.ts';
import { fileStream, imageStream, type StreamInput, type StreamReply } from './streams.ts';
import { challengeView, hostView, messagesView, segmentView, userView } from './views.ts';

/** What a read is given. */
export interface ReadInput {
  readonly world: World;
  readonly now: number;
  readonly params: readonly string[];
  /** `?reference=`: an idempotency key. */
  readonly reference: string | null;
}

export interface ReadReply {
  readonly body: object;
  readonly etag: number | null;
}

/** What a change is given besides the `Change` itself. */
export interface ChangeInput {
  readonly change: Change;
  readonly params: readonly string[];
  readonly body: unknown;
  readonly rawBody: string;
  readonly method: string;
  /** Six digits from a cryptographic source. */
  readonly newCode: () => string;
  /** True when the `lying_kill` fault hits this request. */
  readonly lie: boolean;
}

export type Route =
  | {
      readonly kind: 'stream';
      readonly method: 'GET';
      readonly path: string;
      readonly run: (input: StreamInput) => StreamReply;
    }
  | {
      readonly kind: 'read';
      readonly method: 'GET';
      readonly path: string;
      readonly run: (input: ReadInput) => ReadReply;
    }
  | {
      readonly kind: 'change';
      readonly method: 'POST' | 'PUT' | 'DELETE';
      readonly path: string;
      readonly run: (input: ChangeInput) => object;
    };

function read(path: string, run: (input: ReadInput, id: string) => ReadReply): Route {
  return { kind: 'read', method: 'GET', path, run: (input) => run(input, input.params[0] ?? '') };
}

function change(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  run: (change: Change, id: string, input: ChangeInput) => object,
): Route {
  return { kind: 'change', method, path, run: (input) => run(input.change, input.params[0] ?? '', input) };
}

function stream(path: string, run: (input: StreamInput) => StreamReply): Route {
  return { kind: 'stream', method: 'GET', path, run };
}

/** The whole business interface; `:id` takes one path segment. */
export const ROUTES: readonly Route[] = [
  read('/users/:id', ({ world, now, reference }, id) => {
    const user = userOf(world, id);
    return { body: userView(user, reference, now), etag: user.version };
  }),
  read('/users/:id/notifications', ({ world, now, reference }, id) => ({
    body: messagesView(messagesIn(userOf(world, id).notifications, reference), now),
    etag: null,
  })),
  change('POST', '/users/:id/notifications', (c, id, { body }) =>
    notifyUser(c, id, parseBody(BODIES.notification, body)),
  ),
  change('POST', '/users/:id/suspend', (c, id, { body }) => {
    parseBody(BODIES.suspend, body);
    return suspend(c, id);
  }),
  change('POST', '/users/:id/unsuspend', (c, id, { body }) => {
    parseBody(BODIES.empty, body);
    return unsuspend(c, id);
  }),
  change('POST', '/users/:id/password-reset', (c, id, { body }) =>
    requirePasswordChange(c, id, parseBody(BODIES.passwordReset, body)),
  ),
  change('POST', '/users/:id/password', (c, id) => changePassword(c, id)),
  change('POST', '/users/:id/sessions', (c, id, { body }) => signIn(c, id, parseBody(BODIES.signIn, body))),
  change('DELETE', '/users/:id/sessions', (c, id, { lie }) =>
    lie ? pretendToKillSessions(c, id) : killSessions(c, id),
  ),
  change('POST', '/users/:id/tokens/revoke', (c, id, { body }) =>
    revokeTokens(c, id, parseBody(BODIES.selectTokens, body)),
  ),
  change('POST', '/users/:id/devices', (c, id, { body }) => enrolDevice(c, id, parseBody(BODIES.enrolDevice, body))),
  change('POST', '/users/:id/devices/deregister', (c, id, { body }) =>
    deregisterDevices(c, id, parseBody(BODIES.selectDevices, body)),
  ),
  change('PUT', '/users/:id/geo-lock', (c, id, { body }) => setGeoLock(c, id, parseBody(BODIES.geoLock, body))),
  change('DELETE', '/users/:id/geo-lock', (c, id) => removeGeoLock(c, id)),
  change('PUT', '/users/:id/logging', (c, id, { body }) => setEnhancedLogging(c, id, parseBody(BODIES.logging, body))),
  change('DELETE', '/users/:id/logging', (c, id) => resetLogging(c, id)),
  change('POST', '/users/:id/privileges', (c, id, { body }) => grantPrivilege(c, id, parseBody(BODIES.grant, body))),
  change('PUT', '/users/:id/action-block', (c, id, { body }) =>
    blockActions(c, id, parseBody(BODIES.actionBlock, body)),
  ),
  change('DELETE', '/users/:id/action-block', (c, id) => unblockActions(c, id)),
  change('POST', '/users/:id/credentials/disable', (c, id, { body }) => {
    parseBody(BODIES.suspend, body);
    return disableCredentials(c, id);
  }),
  change('POST', '/users/:id/credentials/enable', (c, id, { body }) => {
    parseBody(BODIES.empty, body);
    return enableCredentials(c, id);
  }),
  read('/hosts/:id', ({ world, now, reference }, id) => {
    const host = hostOf(world, id);
    return { body: hostView(world, host, reference, now), etag: host.version };
  }),
  change('POST', '/hosts/:id/isolate', (c, id, { body }) => {
    parseBody(BODIES.isolate, body);
    return isolate(c, hostOf(c.world, id), 'host.isolate');
  }),
  change('POST', '/hosts/:id/release', (c, id, { body }) => {
    parseBody(BODIES.empty, body);
    return letGo(c, hostOf(c.world, id), 'host.release');
  }),
  change('POST', '/hosts/:id/connections', (c, id, { body }) =>
    connect(c, hostOf(c.world, id), parseBody(BODIES.connect, body)),
  ),
  stream('/hosts/:id/files', fileStream),
  stream('/hosts/:id/images/disk', imageStream('disk')),
  stream('/hosts/:id/images/memory', imageStream('memory')),
  read('/segments/:id', ({ world, now, reference }, id) => {
    const segment = segmentOf(world, id);
    return { body: segmentView(world, segment, reference, now), etag: segment.version };
  }),
  change('POST', '/segments/:id/isolate', (c, id, { body }) => {
    parseBody(BODIES.isolate, body);
    return isolate(c, segmentOf(c.world, id), 'segment.isolate');
  }),
  change('POST', '/segments/:id/restore', (c, id, { body }) => {
    parseBody(BODIES.isolate, body);
    return letGo(c, segmentOf(c.world, id), 'segment.restore');
  }),
  change('POST', '/users/:id/challenges', (c, id, { body, newCode }) =>
    issueChallenge(c, id, parseBody(BODIES.challenge, body), newCode()),
  ),
  read('/users/:id/challenges', ({ world, now, reference }, id) => {
    userOf(world, id);
    const found = reference === null ? undefined : world.challengeByReference.get(reference);
    const challenge = found === undefined ? undefined : world.challenges.get(found);
    const own = challenge?.userId === id ? [challengeView(challenge, now)] : [];
    return { body: { challenges: own, now }, etag: null };
  }),
  read('/challenges/:id', ({ world, now }, id) => ({
    body: { challenge: challengeView(challengeOf(world, id), now), now },
    etag: null,
  })),
  change('POST', '/challenges/:id/answer', (c, id, { body }) => answerChallenge(c, id, parseBody(BODIES.answer, body))),
  read('/ip-list', ({ world, now, reference }) => ({
    body: { ...ipListView(world, reference, now), now },
    etag: world.ipList.version,
  })),
  change('PUT', '/ip-list', (c, _id, { body }) => replaceIpList(c, parseBody(BODIES.ipList, body).entries)),
  read('/mailboxes/:id/messages', ({ world, now, reference }, id) => ({
    body: messagesView(messagesIn(world.mailboxes.get(id), reference), now),
    etag: null,
  })),
  change('POST', '/mailboxes/:id/messages', (c, id, { body }) => sendMail(c, id, parseBody(BODIES.message, body))),
  change('POST', '/hooks/:id', (c, id, { rawBody, method }) => receiveHook(c, id, method, rawBody)),
  change('PUT', '/hooks/:id', (c, id, { rawBody, method }) => receiveHook(c, id, method, rawBody)),
];

/** The receiver for CUSTOM_WEBHOOK: keeps what came. */
function receiveHook(c: Change, hook: string, method: string, rawBody: string): { received: number } {
  const { hooks } = c.world;
  if (hooks.length >= LIMITS.objects) throw new Refusal(507, 'full', 'no more webhook calls are kept');
  applyEffect(c, 'webhook', hook);
  hooks.push({ hook, method, reference: c.key, body: rawBody.slice(0, LIMITS.text), at: c.now });
  return { received: hooks.length };
}

/** The route and the decoded values of its `:id`, `none`, or `method` when only another method is known. */
export function findRoute(
  method: string,
  segments: readonly string[],
): { readonly route: Route; readonly params: readonly string[] } | 'none' | 'method' {
  let known = false;
  for (const entry of COMPILED) {
    if (entry.parts.length !== segments.length) continue;
    const params: string[] = [];
    const matches = entry.parts.every((part, index) => {
      const segment = segments[index] ?? '';
      if (part !== ':id') return part === segment;
      params.push(segment);
      return segment !== '';
    });
    if (!matches) continue;
    if (entry.route.method === method) return { route: entry.route, params };
    known = true;
  }
  return known ? 'method' : 'none';
}

const COMPILED = ROUTES.map((route) => ({ route, parts: route.path.slice(1).split('/') }));
