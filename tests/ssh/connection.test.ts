import { newSshKey } from '../support/ssh-key.ts';
import { createServer } from 'node:net';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../support/sandbox-testbed.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

const missing = whyNoHosts();
const target = { type: 'host', id: 'web-1' } as const;

describe.skipIf(missing !== null)(`connections to a real host${note(missing)}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.startSshd(['MaxSessions 4']);
  });
  afterAll(() => {
    world?.close();
  });

  async function look(rest: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<unknown> {
    const bed: HostBed = await hostBed(world, { entries: [entryOf(world, rest)] });
    try {
      return await bed.handler('ISOLATE_HOST').observe?.(target, {}, contextOf(undefined, signal));
    } finally {
      bed.close();
    }
  }

  it('believes a pinned fingerprint and a pinned key', async () => {
    await expect(look({})).resolves.toEqual({ present: null });
    await expect(look({ host_keys: [world.hostKey.line] })).resolves.toEqual({ present: null });
    const old = newSshKey().public;
    await expect(look({ host_keys: [old, world.hostKey.fingerprint] })).resolves.toEqual({ present: null });
  });

  it('refuses a changed host key before it signs in, and says which it saw', async () => {
    const other = newSshKey().public;
    const changed = { code: 'host_key_changed', retryable: false, resultUnknown: false };
    await expect(look({ host_keys: [other] })).rejects.toMatchObject(changed);
    await expect(look({ host_keys: [other] })).rejects.toThrow(world.hostKey.fingerprint);
    await expect(look({ host_keys: [`SHA256:${'A'.repeat(43)}`] })).rejects.toMatchObject(changed);
  });

  it('refuses a host that has no key of a pinned kind', async () => {
    const rsa = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).public;
    await expect(look({ host_keys: [rsa] })).rejects.toMatchObject({ code: 'host_key_unknown', retryable: false });
  });

  it('says it when the key or the account is not let in', async () => {
    await expect(look({ user: 'bob' })).rejects.toMatchObject({ code: 'authentication_refused', retryable: false });
  });

  it('says it when nothing answers, and that a repeat may help', async () => {
    await expect(look({ port: 1 })).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
      resultUnknown: false,
    });
  });

  it('gives up on a host that says nothing when its time is over', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const abort = new AbortController();
    silent.once('connection', () => abort.abort());
    const looking = look({ address: '127.0.0.1', port }, abort.signal);
    await expect(looking).rejects.toMatchObject({ code: 'timeout', retryable: true, resultUnknown: false });
    silent.close();
  });

  it('says it when sudo is missing or does not let it', async () => {
    await expect(look({ privilege: 'sudo' })).rejects.toMatchObject({ answered: true, retryable: false });
  });

  it('keeps within the sessions that a host allows, however much is asked', async () => {
    const bed = await hostBed(world, { entries: [entryOf(world, { max_sessions: 2 })] });
    const handler = bed.handler('ISOLATE_HOST');
    const looks = Array.from({ length: 12 }, async () => handler.observe?.(target, {}, contextOf()));
    expect(await Promise.all(looks)).toEqual(Array(12).fill({ present: null }));
    bed.close();
  });

  it('connects anew when the connection was cut', async () => {
    const bed = await hostBed(world);
    const handler = bed.handler('ISOLATE_HOST');
    await handler.observe?.(target, {}, contextOf());
    world.cutSessions();
    // The cut is heard of at once or with the next word; after that there is a new connection.
    await handler.observe?.(target, {}, contextOf()).catch(() => undefined);
    expect(await handler.observe?.(target, {}, contextOf())).toEqual({ present: null });
    bed.close();
  });

  it('does not know what became of a change when the connection is cut under it', async () => {
    const bed = await hostBed(world);
    const handler = bed.handler('ISOLATE_HOST');
    await handler.observe?.(target, {}, contextOf());
    const context = {
      ...contextOf(),
      maySend: () => {
        world.cutSessions();
        return true;
      },
    };
    await expect(handler.perform(target, {}, null, context)).rejects.toMatchObject({
      code: 'connection_lost',
      retryable: true,
      resultUnknown: true,
    });
    bed.close();
    world.inside('nft', ['flush', 'ruleset']);
  });
});
