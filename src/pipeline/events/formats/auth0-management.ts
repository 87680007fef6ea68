import type { Change, EventDraft, PartyDraft } from '../draft.ts';
import type { EventKind } from '../event.ts';
import { objectAt, objectsAt, textAt, textsAt, valueAt, type JsonObject } from '../read.ts';

/** A management API operation, as far as it concerns anybody. */
export interface ManagementCall {
  /** Method and path, without the query. */
  readonly operation: string;
  readonly kind: EventKind;
  readonly change: Change | undefined;
  /** The account in the path, or null. */
  readonly concerns: PartyDraft | null;
  /** All accounts concerned, when there are several. */
  readonly accounts: readonly string[] | undefined;
  readonly actor: PartyDraft | null;
  readonly target: EventDraft['target'];
}

interface Route {
  readonly method: string;
  /** Segments below `/api/v2`; `:user` is the account concerned, `:id` the thing touched. */
  readonly path: string;
  readonly kind: EventKind;
  readonly change: Change;
  readonly touches: string;
}

/** Paths of the management API (vendor's OpenAPI description) that detections care about. */
const ROUTES: readonly Route[] = [
  { method: 'post', path: 'users/:user/roles', kind: 'privilege_change', change: 'grant', touches: 'role' },
  { method: 'delete', path: 'users/:user/roles', kind: 'privilege_change', change: 'revoke', touches: 'role' },
  { method: 'post', path: 'users/:user/permissions', kind: 'privilege_change', change: 'grant', touches: 'permission' },
  {
    method: 'delete',
    path: 'users/:user/permissions',
    kind: 'privilege_change',
    change: 'revoke',
    touches: 'permission',
  },
  { method: 'post', path: 'roles/:id/users', kind: 'privilege_change', change: 'grant', touches: 'role' },
  { method: 'post', path: 'roles/:id/permissions', kind: 'privilege_change', change: 'grant', touches: 'role' },
  { method: 'delete', path: 'users/:user/multifactor/:id', kind: 'mfa_change', change: 'remove', touches: 'factor' },
  { method: 'delete', path: 'users/:user/authenticators', kind: 'mfa_change', change: 'reset', touches: 'factor' },
  {
    method: 'delete',
    path: 'users/:user/authentication-methods',
    kind: 'mfa_change',
    change: 'reset',
    touches: 'factor',
  },
  {
    method: 'delete',
    path: 'users/:user/authentication-methods/:id',
    kind: 'mfa_change',
    change: 'remove',
    touches: 'factor',
  },
  { method: 'delete', path: 'guardian/enrollments/:id', kind: 'mfa_change', change: 'remove', touches: 'enrollment' },
  { method: 'post', path: 'client-grants', kind: 'token_create', change: 'create', touches: 'client-grant' },
  { method: 'post', path: 'clients/:id/rotate-secret', kind: 'token_create', change: 'create', touches: 'client' },
  { method: 'post', path: 'clients/:id/credentials', kind: 'token_create', change: 'create', touches: 'client' },
  { method: 'delete', path: 'log-streams/:id', kind: 'logging_change', change: 'delete', touches: 'log-stream' },
  { method: 'patch', path: 'log-streams/:id', kind: 'logging_change', change: 'modify', touches: 'log-stream' },
  { method: 'post', path: 'log-streams', kind: 'logging_change', change: 'create', touches: 'log-stream' },
  { method: 'post', path: 'jobs/users-exports', kind: 'data_export', change: 'create', touches: 'users' },
];

/** Longest path that is looked at, in characters, and most segments. */
const MAX_PATH_LENGTH = 500;
const MAX_SEGMENTS = 10;

/** Reads `details.request` of an `sapi` or `fapi` log. An unknown path is `other`, with the account in it if any. */
export function readManagementCall(record: JsonObject): ManagementCall {
  const request = objectAt(record, 'details', 'request');
  const method = (textAt(request, 'method') ?? '').slice(0, 10).toLowerCase();
  const path = (textAt(request, 'path') ?? '').slice(0, MAX_PATH_LENGTH).split('?', 1)[0] ?? '';
  const segments = path
    .replace(/^\/api\/v2\//, '')
    .split('/', MAX_SEGMENTS)
    .filter((segment) => segment !== '');
  const route = ROUTES.find((each) => each.method === method && fits(each.path, segments));
  const accountInPath = segments[0] === 'users' ? decoded(segments[1]) : null;
  const accounts = route?.path === 'roles/:id/users' ? textsAt(request, 'body', 'users') : [];
  const account = accountInPath ?? accounts[0] ?? null;
  const password =
    method === 'patch' &&
    segments.length === 2 &&
    accountInPath !== null &&
    valueAt(request, 'body', 'password') !== undefined;
  return {
    operation: `${method} ${path}`,
    kind: password ? 'password_change' : (route?.kind ?? 'other'),
    change: password ? 'modify' : route?.change,
    concerns: account === null ? null : { id: account },
    accounts: accounts.length > 1 ? accounts : undefined,
    actor: actorOf(request),
    target: route === undefined ? null : touchedBy(route, segments, request),
  };
}

function fits(path: string, segments: readonly string[]): boolean {
  const wanted = path.split('/');
  return wanted.length === segments.length && wanted.every((each, at) => each.startsWith(':') || each === segments[at]);
}

function actorOf(request: JsonObject | null): PartyDraft | null {
  const user = objectAt(request, 'auth', 'user');
  const id = textAt(user, 'email') ?? textAt(user, 'user_id') ?? textAt(user, 'name');
  if (id !== null) return { id, name: textAt(user, 'name'), actorType: 'user' };
  const client = textAt(request, 'auth', 'credentials', 'client_id');
  return client === null ? null : { id: client, actorType: 'client' };
}

function touchedBy(route: Route, segments: readonly string[], request: JsonObject | null): EventDraft['target'] {
  const at = route.path.split('/').indexOf(':id');
  const inBody =
    textsAt(request, 'body', 'roles')[0] ?? textAt(objectsAt(request, 'body', 'permissions')[0], 'permission_name');
  const id = (at < 0 ? null : decoded(segments[at])) ?? inBody ?? route.touches;
  return { type: route.touches, id };
}

/** Percent-decoding that answers the text itself when it is not well encoded. */
function decoded(segment: string | undefined): string | null {
  if (segment === undefined) return null;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
