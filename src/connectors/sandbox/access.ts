import { z } from 'zod';
import type { ActionHandler, JsonObject, VerifyResult } from '../../pipeline/actions/contract.ts';
import { type Call, handler } from '../define-handler.ts';
import { segment, type SandboxClient, type UserReading } from './client.ts';
import { declare } from './declare.ts';
import { PARAMETERS } from './parameters.ts';

/**
 * FULL_SESSION_KILL, SELECTIVE_TOKEN_REVOKE, DEVICE_DEREGISTER: things of a user that have to be gone afterwards.
 * All three are verified by what is still there, not by what the target says that it did.
 */

/** Something that can be gone: `rev` says whether it was there before the effect. */
interface Thing {
  readonly id: string;
  readonly rev: number;
}

/**
 * What the reading says about an effect that removes `present` (the things of the kind that are still there).
 * Things that came after the effect do not count. Without a trace of our key, the things seen before decide.
 */
function goneOrNot(call: Call<unknown>, reading: UserReading, effect: string, present: readonly Thing[]): VerifyResult {
  const { digest } = reading;
  const trace = reading.marks.find((mark) => mark.effect === effect);
  const before = idsOf(call.prior);
  const left = present.filter((thing) =>
    trace !== undefined ? thing.rev <= trace.rev : before === null || before.includes(thing.id),
  );
  if (left.length > 0) return { says: 'absent', digest };
  if (trace !== undefined) return { says: 'holds', digest };
  const someoneElse = (before !== null && before.length > 0) || call.outcome?.['changed'] === false;
  return { says: someoneElse ? 'foreign' : 'absent', digest };
}

function idsOf(prior: JsonObject | null): readonly unknown[] | null {
  const ids = prior?.['ids'];
  return Array.isArray(ids) ? ids : null;
}

function priorOf(present: readonly Thing[]): JsonObject {
  return { ids: present.map((thing) => thing.id) };
}

export function fullSessionKill(client: SandboxClient): ActionHandler {
  const reply = z.object({ ended: z.array(z.string()) });
  const read = ({ target, context }: Call<unknown>): Promise<UserReading> =>
    client.readUser(target.id, context.idempotencyKey, context);
  return handler({
    declaration: declare('FULL_SESSION_KILL', { reversibility: 'selfRecoverable', holds: null, contains: true }),
    parameters: PARAMETERS.none,
    observe: async (call) => priorOf((await read(call)).user.sessions),
    async perform({ target, context }) {
      const path = `/users/${segment(target.id)}/sessions`;
      const done = await client.change({ method: 'DELETE', path, reply }, context);
      if (done.refused) throw done.error;
      return { changed: done.body.ended.length > 0, ended: done.body.ended };
    },
    async verify(call) {
      const reading = await read(call);
      return goneOrNot(call, reading, 'session.kill', reading.user.sessions);
    },
  });
}

type Selection = z.infer<(typeof PARAMETERS)['selectiveTokenRevoke']>;

export function selectiveTokenRevoke(client: SandboxClient): ActionHandler {
  const reply = z.object({ revoked: z.array(z.string()) });
  const read = ({ target, context }: Call<unknown>): Promise<UserReading> =>
    client.readUser(target.id, context.idempotencyKey, context);
  return handler<Selection>({
    declaration: declare('SELECTIVE_TOKEN_REVOKE', { reversibility: 'selfRecoverable', holds: null, contains: true }),
    parameters: PARAMETERS.selectiveTokenRevoke,
    observe: async (call) => priorOf(selectedTokens(await read(call), call.parameters)),
    async perform({ target, parameters, context }) {
      const path = `/users/${segment(target.id)}/tokens/revoke`;
      const done = await client.change({ method: 'POST', path, body: parameters, reply }, context);
      if (done.refused) throw done.error;
      return { changed: done.body.revoked.length > 0, revoked: done.body.revoked };
    },
    async verify(call) {
      const reading = await read(call);
      return goneOrNot(call, reading, 'token.revoke', selectedTokens(reading, call.parameters));
    },
  });
}

/** The tokens that the parameters mean; without any criterion those of sessions on no enrolled device. */
function selectedTokens({ user }: UserReading, { ip, sessionIds, tokenIds }: Selection): readonly Thing[] {
  if (ip === undefined && sessionIds === undefined && tokenIds === undefined) {
    const suspicious = new Set(user.sessions.filter((session) => session.deviceId === null).map(({ id }) => id));
    return user.tokens.filter((token) => token.sessionId !== null && suspicious.has(token.sessionId));
  }
  return user.tokens.filter(
    (token) =>
      token.ip === ip ||
      (token.sessionId !== null && sessionIds?.includes(token.sessionId) === true) ||
      tokenIds?.includes(token.id) === true,
  );
}

export function deviceDeregister(client: SandboxClient): ActionHandler {
  const reply = z.object({ removed: z.array(z.string()) });
  const read = ({ target, context }: Call<unknown>): Promise<UserReading> =>
    client.readUser(target.id, context.idempotencyKey, context);
  const named = (reading: UserReading, deviceIds: readonly string[] | undefined): readonly Thing[] =>
    reading.user.devices.filter(({ id }) => deviceIds === undefined || deviceIds.includes(id));
  return handler({
    declaration: declare('DEVICE_DEREGISTER', { reversibility: 'irreversible', holds: null, contains: true }),
    parameters: PARAMETERS.deviceDeregister,
    observe: async (call) => priorOf(named(await read(call), call.parameters.deviceIds)),
    async perform({ target, parameters, context }) {
      const path = `/users/${segment(target.id)}/devices/deregister`;
      const done = await client.change({ method: 'POST', path, body: parameters, reply }, context);
      if (!done.refused) return { changed: done.body.removed.length > 0, removed: done.body.removed };
      if (done.code !== 'device_not_found') throw done.error;
      // Some of the named devices are gone already: the rest still has to go.
      const left = named(await client.readUser(target.id, context.idempotencyKey, context), parameters.deviceIds);
      if (left.length === 0) return { changed: false, removed: [] };
      const body = { deviceIds: left.map(({ id }) => id) };
      const rest = await client.change({ method: 'POST', path, body, reply }, context);
      if (rest.refused) throw rest.error;
      return { changed: true, removed: rest.body.removed };
    },
    async verify(call) {
      const reading = await read(call);
      return goneOrNot(call, reading, 'device.deregister', named(reading, call.parameters.deviceIds));
    },
  });
}
