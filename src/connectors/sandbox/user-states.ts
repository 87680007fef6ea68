import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import type { SandboxClient, UserReading } from './client.ts';
import { declare } from './declare.ts';
import { heldStateHandler, type Things } from './held-state.ts';
import { PARAMETERS } from './parameters.ts';

/** ACCOUNT_SUSPEND, DISABLE_COMPROMISED_CREDENTIALS, GEO_LOCK, ENHANCED_LOGGING, ACTION_BLOCK. */

const MINUTE_MS = 60_000;

function users(client: SandboxClient): Things<UserReading> {
  return { path: '/users', read: (id, reference, context) => client.readUser(id, reference, context) };
}

export function accountSuspend(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('ACCOUNT_SUSPEND', { reversibility: 'undo', holds: 'account.suspended', contains: true }),
    parameters: PARAMETERS.withReason,
    things: users(client),
    slot: ({ user }) => user.suspended,
    satisfies: () => true,
    lifetimeMs: () => null,
    set: ({ reason }) => ({ method: 'POST', path: '/suspend', body: { reason } }),
    clear: { method: 'POST', path: '/unsuspend' },
    clearEffect: 'account.unsuspend',
  });
}

/** Password, keys and tokens stop working until they are given back; nothing is thrown away. */
export function disableCredentials(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('DISABLE_COMPROMISED_CREDENTIALS', {
      reversibility: 'undo',
      holds: 'account.credentials_disabled',
      contains: true,
    }),
    parameters: PARAMETERS.withReason,
    things: users(client),
    slot: ({ user }) => user.credentialsDisabled,
    satisfies: () => true,
    lifetimeMs: () => null,
    set: ({ reason }) => ({ method: 'POST', path: '/credentials/disable', body: { reason } }),
    clear: { method: 'POST', path: '/credentials/enable' },
    clearEffect: 'credentials.enable',
  });
}

export function geoLock(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('GEO_LOCK', { reversibility: 'undo', holds: 'user.geo_locked', contains: true }),
    parameters: PARAMETERS.geoLock,
    things: users(client),
    slot: ({ user }) => user.geoLock,
    // Somebody else's lock does when it lets nobody in whom ours would keep out, and lasts as long.
    satisfies(slot, { allowedCountries, expirationMinutes }, { user, now }) {
      const wanted = allowedCountries ?? [user.homeCountry];
      const { allowedCountries: present } = slot;
      const narrow =
        Array.isArray(present) && present.every((country) => typeof country === 'string' && wanted.includes(country));
      return narrow && lasts(slot['expiresAt'], now, expirationMinutes);
    },
    lifetimeMs: ({ expirationMinutes }) => lifetime(expirationMinutes),
    set: ({ allowedCountries, expirationMinutes }) => ({
      method: 'PUT',
      path: '/geo-lock',
      body: { allowedCountries, expiresInMs: lifetime(expirationMinutes) },
    }),
    clear: { method: 'DELETE', path: '/geo-lock' },
    clearEffect: 'geo_lock.remove',
    putBack({ allowedCountries, expiresAt, owner }, now) {
      if (typeof expiresAt === 'number' && expiresAt <= now) return null;
      return { path: '/geo-lock', body: { allowedCountries, expiresAt, owner } };
    },
    putBackEffect: 'geo_lock.set',
  });
}

export function enhancedLogging(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('ENHANCED_LOGGING', {
      reversibility: 'undo',
      holds: 'user.logging_enhanced',
      contains: false,
    }),
    parameters: PARAMETERS.enhancedLogging,
    things: users(client),
    slot: ({ user }) => user.logging,
    satisfies: (slot, { expirationMinutes }, { now }) => lasts(slot['expiresAt'], now, expirationMinutes),
    lifetimeMs: ({ expirationMinutes }) => lifetime(expirationMinutes),
    set: ({ expirationMinutes }) => ({
      method: 'PUT',
      path: '/logging',
      body: { expiresInMs: lifetime(expirationMinutes) },
    }),
    clear: { method: 'DELETE', path: '/logging' },
    clearEffect: 'logging.standard',
    putBack({ expiresAt, owner }, now) {
      if (typeof expiresAt === 'number' && expiresAt <= now) return null;
      return { path: '/logging', body: { expiresAt, owner } };
    },
    putBackEffect: 'logging.enhance',
  });
}

/**
 * Takes the named grant away and makes every other privilege of the user ineffective. The whole user is blocked, not
 * one privilege, because a hold belongs to (connector, target, effect): a second execution that wants another
 * privilege blocked shares this hold and has to be served by it.
 */
export function actionBlock(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('ACTION_BLOCK', { reversibility: 'undo', holds: 'user.actions_blocked', contains: true }),
    parameters: PARAMETERS.actionBlock,
    things: users(client),
    slot: ({ user }) => user.actionBlock,
    satisfies: () => true,
    lifetimeMs: () => null,
    set: ({ privilege }) => ({ method: 'PUT', path: '/action-block', body: { privilege: privilege ?? null } }),
    clear: { method: 'DELETE', path: '/action-block' },
    clearEffect: 'actions.unblock',
  });
}

function lifetime(minutes: number | undefined): number | null {
  return minutes === undefined ? null : minutes * MINUTE_MS;
}

/** True when a state that ends at `expiresAt` lasts at least as long as one of `minutes` from now would. */
function lasts(expiresAt: unknown, now: number, minutes: number | undefined): boolean {
  if (typeof expiresAt !== 'number') return true;
  return minutes !== undefined && expiresAt >= now + minutes * MINUTE_MS;
}
