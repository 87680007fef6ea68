import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionContext } from '../../src/pipeline/actions/contract.ts';
import { contextOf, undoOf } from '../support/sandbox-testbed.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

const missing = whyNoHosts();

describe.skipIf(missing !== null)(`accounts of a real host${note(missing)}`, () => {
  let world: World;
  let bed: HostBed;
  beforeAll(async () => {
    world = await startWorld();
    await world.startSshd();
    bed = await hostBed(world);
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  const shadowOf = (name: string): string =>
    readFileSync(`${world.etc}/shadow`, 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`)) ?? '';

  async function disable(id: string, context: ActionContext = contextOf(), parameters: object = {}) {
    const handler = bed.handler('DISABLE_COMPROMISED_CREDENTIALS');
    const target = { type: 'user', id } as const;
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    const outcome = await handler.perform(target, parameters, prior, context);
    const verify = (key = context) => handler.verify?.(target, parameters, prior, outcome, key);
    const undo = () => handler.undo?.(target, parameters, prior, outcome, undoOf(context.effectKey));
    return { prior, outcome, verify, undo };
  }

  it('locks an account so that not even its key opens it, and undo opens it as it was', async () => {
    const before = shadowOf('alice');
    const aliceBed = await hostBed(world, { entries: [entryOf(world, { user: 'alice' })] });
    const signIn = (key: ActionContext) =>
      aliceBed.handler('ISOLATE_HOST').observe?.({ type: 'host', id: 'web-1' }, {}, key);
    // She gets in, and may do nothing there.
    await expect(signIn(contextOf())).rejects.toMatchObject({ code: 'privilege_refused' });
    aliceBed.hosts.close();
    const { prior, outcome, verify, undo } = await disable('Alice@web-1'.toLowerCase());
    expect(prior).toEqual({ present: { locked: false, expires: null, uid: 4001, shell: '/bin/sh' } });
    expect(JSON.stringify([prior, outcome])).not.toContain('$6$');
    expect(outcome).toMatchObject({ changed: true });
    expect(shadowOf('alice')).toMatch(/^alice:!\$6\$/);
    expect(await verify()).toMatchObject({ says: 'holds' });
    expect(await verify(contextOf())).toMatchObject({ says: 'foreign' });
    const shut = await hostBed(world, { entries: [entryOf(world, { user: 'alice' })] });
    const refused = shut.handler('ISOLATE_HOST').observe?.({ type: 'host', id: 'web-1' }, {}, contextOf());
    await expect(refused).rejects.toMatchObject({ code: 'authentication_refused' });
    shut.close();
    expect(await undo()).toMatchObject({ result: 'restored' });
    expect(shadowOf('alice')).toBe(before);
    expect(await verify()).toMatchObject({ says: 'absent' });
    expect(await undo()).toMatchObject({ result: 'restored' });
  });

  it('leaves the lock and the end that an account had before', async () => {
    const before = shadowOf('bob');
    const { outcome, undo } = await disable('bob@web-1');
    expect(outcome).toMatchObject({ changed: true });
    expect(shadowOf('bob')).not.toBe(before);
    expect(await undo()).toMatchObject({ result: 'restored' });
    expect(shadowOf('bob')).toBe(before);
  });

  it('does not open what somebody else has locked, before or since', async () => {
    const first = await disable('alice@web-1');
    const second = await disable('alice@web-1');
    expect(second.outcome).toMatchObject({ changed: false });
    expect(await second.verify()).toMatchObject({ says: 'foreign' });
    expect(await second.undo()).toMatchObject({ result: 'not_needed' });
    expect(await first.verify()).toMatchObject({ says: 'holds' });
    const shadow = `${world.etc}/shadow`;
    const text = readFileSync(shadow, 'utf8');
    world.inside('sh', ['-c', `cat > ${shadow}`], { input: text.replace(/^(alice:(?:[^:]*:){6})\d+/m, '$11') });
    expect(await first.undo()).toMatchObject({ result: 'superseded' });
    expect(shadowOf('alice')).toMatch(/^alice:!/);
  });

  it('ends the processes of an account when asked, and says whether there were any', async () => {
    const { outcome } = await disable('bob@web-1', contextOf(), { endProcesses: true });
    expect(outcome).toMatchObject({ ended: false });
  });

  it.each([
    ['root@web-1', 'account_protected'],
    ['deploy@web-1', 'account_protected'],
    ['nobody-like-that@web-1', 'user_not_found'],
    ['alice@elsewhere', 'host_not_found'],
    ['alice', 'invalid_target'],
    ['4001@web-1', 'invalid_target'],
    ['-u@web-1', 'invalid_target'],
    ['alice;id@web-1', 'invalid_target'],
    ['$(id)@web-1', 'invalid_target'],
    ['alice\nroot@web-1', 'invalid_target'],
    ["al'ice@web-1", 'invalid_target'],
    ['\u0430lice@web-1', 'invalid_target'],
  ])('refuses %j as %s', async (id, code) => {
    await expect(disable(id)).rejects.toMatchObject({ code, resultUnknown: false, retryable: false });
  });
});
