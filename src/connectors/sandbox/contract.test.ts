import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectorError, type ActionTarget, type JsonObject } from '../../pipeline/actions/contract.ts';
import { contextOf, testbed, undoOf } from '../../../tests/support/sandbox-testbed.ts';

/**
 * The contract of `actions/contract.ts`, run over every handler against the real service over HTTP, with the faults
 * of a real target: replies that get lost, reads that lag, limits, errors, slowness, other people.
 */

const bed = testbed();

interface Case {
  readonly type: string;
  readonly parameters: object;
  /** The effect's name in the sandbox's ledger. */
  readonly effect: string;
  /** Part of the path of the changing call. */
  readonly path: string;
  readonly target: 'user' | 'ip' | 'host' | 'segment' | 'isolated segment' | 'none';
  /** How somebody else takes the effect away; present when the handler declares an undo. */
  readonly undo?: readonly [string, string];
}

const CASES: readonly Case[] = [
  { type: 'STEP_UP_CHALLENGE', parameters: {}, effect: 'challenge.issue', path: '/challenges', target: 'user' },
  { type: 'SELECTIVE_TOKEN_REVOKE', parameters: {}, effect: 'token.revoke', path: '/tokens/revoke', target: 'user' },
  { type: 'FULL_SESSION_KILL', parameters: {}, effect: 'session.kill', path: '/sessions', target: 'user' },
  { type: 'FORCE_PASSWORD_RESET', parameters: {}, effect: 'password.reset', path: '/password-reset', target: 'user' },
  { type: 'USER_NOTIFICATION', parameters: {}, effect: 'notification', path: '/notifications', target: 'user' },
  { type: 'ANALYST_ESCALATION', parameters: {}, effect: 'mail', path: '/mailboxes/soc@', target: 'none' },
  {
    type: 'ACCOUNT_SUSPEND',
    parameters: {},
    effect: 'account.suspend',
    path: '/suspend',
    target: 'user',
    undo: ['POST', '/unsuspend'],
  },
  { type: 'DEVICE_DEREGISTER', parameters: {}, effect: 'device.deregister', path: '/deregister', target: 'user' },
  {
    type: 'IPBLACKLIST_ADD',
    parameters: {},
    effect: 'ip.deny.add',
    path: '/ip-list',
    target: 'ip',
    undo: ['PUT', '/ip-list'],
  },
  {
    type: 'IPWHITELIST_ADD',
    parameters: {},
    effect: 'ip.allow.add',
    path: '/ip-list',
    target: 'ip',
    undo: ['PUT', '/ip-list'],
  },
  {
    type: 'GEO_LOCK',
    parameters: { allowedCountries: ['DE'] },
    effect: 'geo_lock.set',
    path: '/geo-lock',
    target: 'user',
    undo: ['DELETE', '/geo-lock'],
  },
  {
    type: 'ENHANCED_LOGGING',
    parameters: {},
    effect: 'logging.enhance',
    path: '/logging',
    target: 'user',
    undo: ['DELETE', '/logging'],
  },
  {
    type: 'ACTION_BLOCK',
    parameters: { privilege: 'user.admin' },
    effect: 'actions.block',
    path: '/action-block',
    target: 'user',
    undo: ['DELETE', '/action-block'],
  },
  {
    type: 'DISABLE_COMPROMISED_CREDENTIALS',
    parameters: {},
    effect: 'credentials.disable',
    path: '/credentials/disable',
    target: 'user',
    undo: ['POST', '/credentials/enable'],
  },
  {
    type: 'ISOLATE_HOST',
    parameters: {},
    effect: 'host.isolate',
    path: '/isolate',
    target: 'host',
    undo: ['POST', '/release'],
  },
  {
    type: 'ISOLATE_NETWORK_SEGMENT',
    parameters: {},
    effect: 'segment.isolate',
    path: '/isolate',
    target: 'segment',
    undo: ['POST', '/restore'],
  },
  {
    type: 'RESTORE_NETWORK_SEGMENT',
    parameters: {},
    effect: 'segment.restore',
    path: '/restore',
    target: 'isolated segment',
  },
];

/** What collects changes nothing at the target: `collect.test.ts` holds it to its contract. */
const COLLECTORS = ['PRESERVE_ARTIFACTS', 'TRIGGER_FORENSIC_IMAGING', 'TRIGGER_FULL_DISK_IMAGING'];

let users = 0;

/** A target that no other test touches: a new user with a session on no device, or a new address. */
async function freshTarget(kind: Case['target']): Promise<ActionTarget> {
  users += 1;
  if (kind === 'none') return { type: 'none', id: 'none' };
  if (kind === 'ip') return { type: 'ip', id: `198.51.100.${users % 250}` };
  if (kind === 'host') {
    const id = `host${users}`;
    await bed.raw('POST', '/seed', { hosts: [{ id, segmentId: 'seg-office' }] });
    return { type: 'host', id };
  }
  if (kind !== 'user') {
    const id = `segment${users}`;
    await bed.raw('POST', '/seed', { segments: [{ id }] });
    if (kind === 'isolated segment') await bed.raw('POST', `/segments/${id}/isolate`, {});
    return { type: 'segment', id };
  }
  const id = `user${users}`;
  const sessions = [{ ip: '203.0.113.7', country: 'US' }];
  await bed.raw('POST', '/seed', { users: [{ id, privileges: ['user.admin'], devices: [`dev${users}`], sessions }] });
  return { type: 'user', id };
}

async function ledgerOf(key: string): Promise<{ effects: string[]; requests: number; repeats: number }> {
  const { body } = await bed.raw('GET', '/ledger');
  // Safe: the shape of the sandbox's own ledger, which its own tests hold fast.
  const { effects, byKey } = body as {
    effects: { effect: string; key: string }[];
    byKey: Record<string, { requests: number; repeats: number }>;
  };
  const counts = byKey[key] ?? { requests: 0, repeats: 0 };
  return { effects: effects.filter((entry) => entry.key === key).map((entry) => entry.effect), ...counts };
}

function fault(kind: string, rest: object = {}): Promise<unknown> {
  return bed.raw('POST', '/faults', { kind, ...rest });
}

afterEach(async () => {
  await bed.raw('DELETE', '/faults');
});

/** A handler, a fresh target, what was there before, and the calls of one action instance. */
async function startCase(one: Case, key: string = randomUUID()) {
  const { type, parameters } = one;
  const handler = bed.handler(type);
  const target = await freshTarget(one.target);
  const context = contextOf(key);
  const prior = (await handler.observe?.(target, parameters, context)) ?? null;
  const perform = (): Promise<JsonObject> => handler.perform(target, parameters, prior, context);
  const verify = async (outcome: JsonObject | null): Promise<string> =>
    (await handler.verify?.(target, parameters, prior, outcome, context))?.says ?? 'none';
  const undo = async (outcome: JsonObject | null, undoKey: string): Promise<string> =>
    (await handler.undo?.(target, parameters, prior, outcome, undoOf(key, undoKey)))?.result ?? 'none';
  return { handler, target, context, key, prior, perform, verify, undo };
}

describe.each(CASES)('$type', (one) => {
  const { parameters, effect } = one;

  const start = () => startCase(one);

  it('is absent before, performed, and read back with a digest', async () => {
    const { handler, target, prior, context, perform, verify, key } = await start();
    expect(await verify(null)).toBe('absent');
    const outcome = await perform();
    expect(outcome).toMatchObject({ changed: true });
    const result = await handler.verify?.(target, parameters, prior, outcome, context);
    expect(result?.says).toBe('holds');
    expect(result?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await verify(null)).toBe('holds');
    expect((await ledgerOf(key)).effects).toEqual([effect]);
  });

  it('has one effect when it is repeated under the same key', async () => {
    const { perform, verify, key } = await start();
    const first = await perform();
    const second = await perform();
    expect(second).toMatchObject({ changed: first['changed'] });
    expect((await ledgerOf(key)).effects).toEqual([effect]);
    expect(await verify(second)).toBe('holds');
  });

  it('says that the result is unknown when the reply was lost, and then reads that it holds', async () => {
    const { perform, verify, key } = await start();
    await fault('lost_reply', { times: 1, match: { pathIncludes: one.path } });
    const error = await perform().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({ code: 'connection_lost', resultUnknown: true, retryable: true });
    expect(await verify(null)).toBe('holds');
    await perform();
    expect((await ledgerOf(key)).effects).toEqual([effect]);
  });

  it('reads absent while the target shows its former state, then holds', async () => {
    const { perform, verify } = await start();
    await fault('stale_read', { times: 1 });
    const outcome = await perform();
    expect([await verify(outcome), await verify(outcome)]).toEqual(['absent', 'holds']);
  });

  it('passes a limit on, with its waiting time, and nothing has happened', async () => {
    const { perform, verify, key } = await start();
    await fault('rate_limited', { retryAfterSeconds: 7, times: 1, match: { pathIncludes: one.path } });
    const error = await perform().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true, resultUnknown: false, retryAfterMs: 7_000 });
    expect((await ledgerOf(key)).effects).toEqual([]);
    expect(await verify(null)).toBe('absent');
    await perform();
    expect((await ledgerOf(key)).effects).toEqual([effect]);
  });

  it('calls a 500 retryable with an unknown result, and the retry has one effect', async () => {
    const { perform, key } = await start();
    const methods = ['POST', 'PUT', 'DELETE'] as const;
    for (const method of methods) await fault('error_500', { times: 1, match: { method, pathIncludes: one.path } });
    expect(await perform().catch((thrown: unknown) => thrown)).toMatchObject({
      code: 'server_error',
      retryable: true,
      resultUnknown: true,
    });
    await bed.raw('DELETE', '/faults');
    await perform();
    expect((await ledgerOf(key)).effects).toEqual([effect]);
  });

  it('says that the result is unknown when the deadline passes, and the late effect is found', async () => {
    const { handler, target, prior, key, verify } = await start();
    await fault('slow_reply', { ms: 60_000, times: 1, match: { pathIncludes: one.path, key } });
    const gone = new AbortController();
    const call = handler
      .perform(target, parameters, prior, contextOf(key, gone.signal))
      .catch((thrown: unknown) => thrown);
    // The abort comes once the effect is in the ledger: the reply is certainly not there yet.
    while ((await ledgerOf(key)).effects.length === 0);
    gone.abort();
    expect(await call).toMatchObject({ code: 'aborted', resultUnknown: true, retryable: true });
    expect(await verify(null)).toBe('holds');
  });

  it('refuses a target of another type and an empty one before any call', async () => {
    const { handler, key } = await start();
    const { type } =
      handler.declaration.targetType === 'none' ? { type: 'none' as const } : await freshTarget(one.target);
    const wrong: ActionTarget[] = [{ type: 'vendor', id: 'acme' }];
    if (type !== 'none') wrong.push({ type, id: '' });
    for (const target of wrong) {
      const error = await handler.perform(target, parameters, null, contextOf(key)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_target', retryable: false, resultUnknown: false });
    }
    expect((await ledgerOf(key)).requests).toBe(0);
  });

  it('refuses unknown parameters by name', async () => {
    const { handler } = await start();
    const parsed = handler.parameters.safeParse({ ...parameters, surprise: 1 });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.issues[0]).toMatchObject({ code: 'unrecognized_keys', keys: ['surprise'] });
    const once = handler.parameters.parse(parameters);
    expect(handler.parameters.parse(once)).toEqual(once);
  });
});

/** Those that declare an undo; the last test of the file checks that none is missing. */
const UNDOABLE = CASES.filter(({ undo }) => undo !== undefined);

describe.each(UNDOABLE)('the undo of $type', (one) => {
  const { parameters } = one;
  const start = () => startCase(one);

  it('is undone once, however often it is asked', async () => {
    const { perform, verify, undo } = await start();
    const outcome = await perform();
    const undoKey = randomUUID();
    expect(await undo(outcome, undoKey)).toBe('restored');
    expect(await verify(outcome)).toBe('absent');
    expect(await undo(outcome, undoKey)).toBe('restored');
    expect((await ledgerOf(undoKey)).effects).toHaveLength(1);
  });

  it('is undone after a lost reply, by the key of the effect', async () => {
    const { perform, verify, undo } = await start();
    await fault('lost_reply', { times: 1, match: { pathIncludes: one.path } });
    await expect(perform()).rejects.toThrow(ConnectorError);
    const undoKey = randomUUID();
    expect(await undo(null, undoKey)).toBe('restored');
    expect(await verify(null)).toBe('absent');
  });

  it('is undone for another execution that shares it and made no call of its own', async () => {
    const { handler, target, perform, prior, verify, key } = await start();
    await perform();
    // Another execution would find another state before; it shares the one of whoever came first.
    expect(await handler.observe?.(target, parameters, contextOf(key))).toEqual(prior);
    expect(await handler.undo?.(target, parameters, prior, null, undoOf(key))).toMatchObject({ result: 'restored' });
    expect(await verify(null)).toBe('absent');
  });

  it('is undone although it was found done already: a call that changed nothing is not the one that made it', async () => {
    const { handler, target, perform, prior, verify, key } = await start();
    await perform();
    const nothing = { changed: false };
    expect(await handler.undo?.(target, parameters, prior, nothing, undoOf(key))).toMatchObject({ result: 'restored' });
    expect(await verify(null)).toBe('absent');
  });

  it('does not say in the state before who asked for it', async () => {
    const { handler, target, prior } = await start();
    expect(await handler.observe?.(target, parameters, contextOf())).toEqual(prior);
  });

  it('is undone although the reply to the undo is lost', async () => {
    const { perform, verify, undo } = await start();
    const outcome = await perform();
    const undoKey = randomUUID();
    await fault('lost_reply', { times: 1, match: { key: undoKey } });
    await expect(undo(outcome, undoKey)).rejects.toMatchObject({ resultUnknown: true });
    expect(await undo(outcome, undoKey)).toBe('restored');
    expect((await ledgerOf(undoKey)).effects).toHaveLength(1);
    expect(await verify(outcome)).toBe('absent');
  });

  it('needs no undo when the call never arrived', async () => {
    const { undo, key } = await start();
    const undoKey = randomUUID();
    expect(await undo(null, undoKey)).toBe('not_needed');
    expect((await ledgerOf(undoKey)).requests).toBe(0);
    expect((await ledgerOf(key)).effects).toEqual([]);
  });

  it('leaves what was so before: changed false, foreign, no undo', async () => {
    const first = await start();
    await first.perform();
    const context = contextOf();
    const { handler, target } = first;
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    const outcome = await handler.perform(target, parameters, prior, context);
    expect(outcome).toMatchObject({ changed: false });
    expect(await handler.verify?.(target, parameters, prior, outcome, context)).toMatchObject({ says: 'foreign' });
    expect(await handler.undo?.(target, parameters, prior, outcome, undoOf(context.effectKey))).toMatchObject({
      result: 'not_needed',
    });
    expect(await first.verify(null)).toBe('holds');
    expect((await ledgerOf(context.idempotencyKey)).effects).toEqual([]);
  });

  it('does not undo what somebody changed since', async () => {
    const { target, perform, undo, handler } = await start();
    const outcome = await perform();
    const [method, path] = one.undo ?? [];
    if (path !== '/ip-list') await bed.raw(method ?? '', `/${target.type}s/${target.id}${path}`);
    else {
      const { body } = await bed.raw('GET', '/ip-list');
      await bed.raw('PUT', '/ip-list', { entries: [] }, { 'if-match': `"${String(body['version'])}"` });
    }
    const other = contextOf();
    await handler.perform(target, parameters, null, other);
    const undoKey = randomUUID();
    expect(await undo(outcome, undoKey)).toBe('superseded');
    expect((await ledgerOf(undoKey)).requests).toBe(0);
    expect(await handler.verify?.(target, parameters, null, null, other)).toMatchObject({ says: 'holds' });
  });
});

describe('the suite', () => {
  it('covers every undo', () => {
    const declared = bed.handlers().filter(({ declaration }) => declaration.reversibility === 'undo');
    expect(UNDOABLE.map(({ type }) => type).sort()).toEqual(declared.map(({ declaration }) => declaration.type).sort());
  });

  it('covers every handler of the connector', () => {
    expect([...CASES.map((one) => one.type), ...COLLECTORS].sort()).toEqual(
      bed
        .handlers()
        .map(({ declaration }) => declaration.type)
        .sort(),
    );
  });
});
