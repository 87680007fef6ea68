import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const USER = z.looseObject({
  id: z.string(),
  kind: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  roles: z.array(z.string()),
  disabled: z.boolean(),
});
const KEY = z.looseObject({
  id: z.string(),
  userId: z.string(),
  name: z.string(),
  expiresAt: z.string(),
  revokedAt: z.string().nullable(),
});
const SESSION = z.looseObject({ id: z.string(), method: z.string(), seenAt: z.string(), current: z.boolean() });

/** People and service accounts. Exit code 0. */
export async function listUsersCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `/api/users?limit=${MAX_LISTED}`);
  const users = items.map((item) => USER.parse(item));
  const lines = users.map(({ id, kind, name, email, roles, disabled }) => {
    const state = disabled ? '  DISABLED' : '';
    return `${id}  ${kind}  ${name}  ${email ?? '-'}  ${roles.join(',') || 'no role'}${state}`;
  });
  say(options, io, { total, users }, [...lines, `${total} in all`]);
  return 0;
}

export interface NewUserOptions extends ServerOptions {
  readonly name: string;
  readonly email?: string;
  readonly role: readonly string[];
  readonly service: boolean;
}

/** Makes a person or a service account, within your own roles. Exit code 0. @throws what the server refused */
export async function addUserCommand({ name, email, role, service, ...options }: NewUserOptions, io: Io) {
  const kind = service ? 'service' : 'person';
  const roles = role.map((each) => each.toUpperCase());
  const body = jsonBody({ kind, name, roles, ...(email === undefined ? {} : { email }) });
  const user = USER.parse((await apiClient(options.url, io).call('POST', '/api/users', body)).data);
  say(options, io, user, [`${user.id}  ${user.kind}  ${user.name}  ${user.roles.join(',')}`]);
  return 0;
}

/** Your own API keys, or those of another account. Exit code 0. */
export async function listKeysCommand({ user, ...options }: ServerOptions & { readonly user?: string }, io: Io) {
  const whose = user === undefined ? '' : `&userId=${encodeURIComponent(user)}`;
  const { items, total } = await apiClient(options.url, io).call('GET', `/api/keys?limit=${MAX_LISTED}${whose}`);
  const keys = items.map((item) => KEY.parse(item));
  const lines = keys.map(({ id, userId, name, expiresAt, revokedAt }) => {
    const state = revokedAt === null ? `until ${expiresAt}` : `revoked ${revokedAt}`;
    return `${id}  ${userId}  ${name}  ${state}`;
  });
  say(options, io, { total, keys }, [...lines, `${total} in all`]);
  return 0;
}

/** Makes a key; its secret is said once. Exit code 0. @throws what the server refused */
export async function createKeyCommand(
  { name, user, ...options }: ServerOptions & { readonly name: string; readonly user?: string },
  io: Io,
): Promise<number> {
  const body = jsonBody({ name, ...(user === undefined ? {} : { userId: user }) });
  const { data } = await apiClient(options.url, io).call('POST', '/api/keys', body);
  const { id, secret, expiresAt } = KEY.extend({ secret: z.string() }).parse(data);
  say(options, io, data, [`${id} until ${expiresAt}`, `secret     ${secret}`, 'It is not shown again.']);
  return 0;
}

/** Revokes a key; not the one that asks. Exit code 0. @throws what the server refused */
export async function revokeKeyCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('DELETE', `/api/keys/${encodeURIComponent(id)}`);
  say(options, io, data, [`${id} revoked`]);
  return 0;
}

/** Your own sessions of browsers that are in force. Exit code 0. */
export async function listSessionsCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `/api/sessions?limit=${MAX_LISTED}`);
  const sessions = items.map((item) => SESSION.parse(item));
  const lines = sessions.map(({ id, method, seenAt }) => `${id}  ${method}  last used ${seenAt}`);
  say(options, io, { total, sessions }, [...lines, `${total} in force`]);
  return 0;
}

/** Ends one of your own sessions. Exit code 0. @throws what the server refused */
export async function endSessionCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('DELETE', `/api/sessions/${encodeURIComponent(id)}`);
  say(options, io, data, [`${id} ended`]);
  return 0;
}
