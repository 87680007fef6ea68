import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionContext } from '../../src/pipeline/actions/contract.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { reaches, reachesFrom, SSH_PORT, note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';
import { contextOf, undoOf } from '../support/sandbox-testbed.ts';

const missing = whyNoHosts();
const SERVICE = 8_080;
/** How long a connection that works may take, and how long one that is cut is waited for, in ms. */
const SOON = 3_000;
const CUT = 400;

describe.skipIf(missing !== null)(`ISOLATE_HOST on a real host${note(missing)}`, () => {
  let world: World;
  let bed: HostBed;
  beforeAll(async () => {
    world = await startWorld();
    await world.startSshd();
    await world.serve(SERVICE);
    bed = await hostBed(world);
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  const target = { type: 'host', id: 'Web-1' } as const;

  async function isolate(context: ActionContext = contextOf(), parameters: object = {}) {
    const handler = bed.handler('ISOLATE_HOST');
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    const outcome = await handler.perform(target, parameters, prior, context);
    const verify = (key = context) => handler.verify?.(target, parameters, prior, outcome, key);
    const undo = () => handler.undo?.(target, parameters, prior, outcome, undoOf(context.effectKey));
    return { context, prior, outcome, verify, undo };
  }

  it('cuts the host off but for its management path, and undo opens it again', async () => {
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
    expect(await reaches(world.there6, SERVICE, SOON)).toBe(true);
    const { outcome, verify, undo } = await isolate();
    expect(outcome).toMatchObject({ changed: true, until: null });
    expect(await verify()).toMatchObject({ says: 'holds' });
    expect(await verify(contextOf())).toMatchObject({ says: 'foreign' });
    expect(await reaches(world.there, SERVICE, CUT)).toBe(false);
    expect(await reaches(world.there6, SERVICE, CUT)).toBe(false);
    expect(await reachesFrom(world.namespace, world.here, bed.listenerPort, CUT)).toBe(false);
    expect(await reaches(world.there, SSH_PORT, SOON)).toBe(true);
    expect(await reaches(world.there6, SSH_PORT, SOON)).toBe(true);
    expect(await undo()).toMatchObject({ result: 'restored' });
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
    expect(await reachesFrom(world.namespace, world.here, bed.listenerPort, SOON)).toBe(true);
    expect(await verify()).toMatchObject({ says: 'absent' });
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
    // A second undo finds it restored.
    expect(await undo()).toMatchObject({ result: 'restored' });
  });

  it('does nothing twice, and finds its own work after a crash', async () => {
    const { context, outcome, verify, undo } = await isolate();
    const again = await bed.handler('ISOLATE_HOST').perform(target, {}, null, context);
    expect(outcome).toEqual({ ...again, replaced: null });
    expect(await bed.handler('ISOLATE_HOST').observe?.(target, {}, context)).toEqual({ present: null });
    expect(await verify()).toMatchObject({ says: 'holds' });
    await undo();
  });

  it('leaves the barrier of another effect alone, and takes it over only to make it last longer', async () => {
    const first = await isolate(contextOf(), { expirationMinutes: '10' });
    const shorter = await isolate(contextOf(), { expirationMinutes: 5 });
    expect(shorter.outcome).toMatchObject({ changed: false });
    expect(await shorter.verify()).toMatchObject({ says: 'foreign' });
    expect(await shorter.undo()).toMatchObject({ result: 'not_needed' });
    const longer = await isolate(contextOf(), { expirationMinutes: 20 });
    expect(longer.outcome).toMatchObject({ changed: true });
    expect(await first.verify()).toMatchObject({ says: 'foreign' });
    expect(await first.undo()).toMatchObject({ result: 'superseded' });
    // What was there before comes back, with its own end.
    expect(await longer.undo()).toMatchObject({ result: 'restored' });
    expect(await first.verify()).toMatchObject({ says: 'holds' });
    expect(world.inside('nft', ['list', 'table', 'inet', 'firebreak_isolation'])).toMatch(/timeout (9|10)m/);
    expect(await first.undo()).toMatchObject({ result: 'restored' });
  });

  it('is given to the kernel with an end that comes after the last one that people may give it', async () => {
    const day = 24 * 3_600_000;
    const timeouts = () =>
      [...world.inside('nft', ['list', 'table', 'inet', 'firebreak_isolation']).matchAll(/timeout (\S+) /g)].map(
        ([, text]) => text,
      );
    const first = await isolate({ ...contextOf(), atMostMs: 7 * day });
    expect(timeouts()).toEqual(['8d', '8d']);
    // What is meant exactly comes first.
    const exact = await isolate({ ...contextOf(), atMostMs: 7 * day }, { expirationMinutes: 60 * 24 * 9 });
    expect(exact.outcome).toMatchObject({ changed: false });
    await first.undo();
    const short = await isolate({ ...contextOf(), atMostMs: 7 * day }, { expirationMinutes: 30 });
    expect(timeouts()).toEqual(['30m', '30m']);
    await short.undo();
  });

  it('is not shared with who needs it for longer', async () => {
    const { verify, undo, context } = await isolate(contextOf(), { expirationMinutes: 30 });
    const asks = (parameters: object, atMostMs?: number) => {
      const asking = { ...context, toShare: true as const, ...(atMostMs === undefined ? {} : { atMostMs }) };
      return bed.handler('ISOLATE_HOST').verify?.(target, parameters, null, null, asking);
    };
    expect(await verify()).toMatchObject({ says: 'holds' });
    expect(await asks({ expirationMinutes: 30 })).toMatchObject({ says: 'holds' });
    expect(await asks({}, 20 * 60_000)).toMatchObject({ says: 'holds' });
    expect(await asks({})).toMatchObject({ says: 'absent' });
    expect(await asks({ expirationMinutes: 31 })).toMatchObject({ says: 'absent' });
    expect(await asks({}, 40 * 60_000)).toMatchObject({ says: 'absent' });
    await undo();
  });

  it('goes back to the execution in whose place it stood, and to nobody who let go', async () => {
    const handler = bed.handler('ISOLATE_HOST');
    const replacing = async () => {
      const first = await isolate(contextOf(), { expirationMinutes: 30 });
      const context = contextOf();
      // As the engine says it: what was there before is what was before the first of them.
      const outcome = await handler.perform(target, {}, { present: null }, context);
      const undo = (known: typeof outcome | null, ...wantedByOthers: string[]) =>
        handler.undo?.(target, {}, { present: null }, known, { ...undoOf(context.effectKey), wantedByOthers });
      return { first, outcome, undo };
    };
    const one = await replacing();
    expect(await one.undo(one.outcome, one.first.context.effectKey)).toMatchObject({ result: 'restored' });
    expect(await one.first.verify()).toMatchObject({ says: 'holds' });
    expect(world.inside('nft', ['list', 'table', 'inet', 'firebreak_isolation'])).toMatch(/timeout (29|30)m/);
    expect(await one.first.undo()).toMatchObject({ result: 'restored' });

    const two = await replacing();
    expect(await two.undo(two.outcome)).toMatchObject({ result: 'restored' });
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');

    // Our answer was lost: it stays cut off for who wants it, until that lets go.
    const three = await replacing();
    expect(await three.undo(null, three.first.context.effectKey)).toMatchObject({ result: 'restored' });
    expect(await reaches(world.there, SERVICE, CUT)).toBe(false);
    expect(await three.first.undo()).toMatchObject({ result: 'restored' });
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
  });

  it('is not believed any more when somebody loosened its rules', async () => {
    const { verify, undo } = await isolate();
    world.inside('nft', [
      'insert',
      'rule',
      'inet',
      'firebreak_isolation',
      'incoming',
      'tcp',
      'dport',
      '8080',
      'accept',
    ]);
    expect(await verify()).toMatchObject({ says: 'absent' });
    await undo();
  });

  it('says foreign, or refuses, where a table is not its own', async () => {
    world.inside('nft', ['add', 'table', 'inet', 'firebreak_isolation']);
    await expect(isolate()).rejects.toMatchObject({ code: 'table_not_ours', resultUnknown: false });
    world.inside('nft', ['delete', 'table', 'inet', 'firebreak_isolation']);
  });

  it('ends by itself, in the kernel, when its time has come', async () => {
    const { verify, undo } = await isolate(contextOf(), { expirationMinutes: 1 });
    // The kernel's clock cannot be moved: the minute is made a second, as nft itself would count it down.
    const set =
      /set (by_[0-9a-f]+)/.exec(world.inside('nft', ['list', 'table', 'inet', 'firebreak_isolation']))?.[1] ?? '';
    const name = `inet firebreak_isolation ${set}`;
    const input = `flush set ${name}\nadd element ${name} { ipv4 timeout 300ms comment "held", ipv6 timeout 300ms comment "held" }\n`;
    world.inside('nft', ['-f', '-'], { input });
    expect(await reaches(world.there, SERVICE, 150)).toBe(false);
    await expect.poll(() => reaches(world.there, SERVICE, SOON), { timeout: SOON }).toBe(true);
    expect(await verify()).toMatchObject({ says: 'absent' });
    expect(await undo()).toMatchObject({ result: 'restored' });
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
  });

  it('refuses before anything is changed when its own way in would be cut', async () => {
    const blind = await hostBed(world, { entries: [entryOf(world, { management: ['192.0.2.1'] })] });
    const doing = blind.handler('ISOLATE_HOST').perform(target, {}, null, contextOf());
    await expect(doing).rejects.toMatchObject({ code: 'management_path_not_kept', resultUnknown: false });
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
    blind.close();
  });

  it('sends nothing when the action was taken back meanwhile', async () => {
    const context = { ...contextOf(), maySend: () => false };
    await expect(isolate(context)).rejects.toMatchObject({ code: 'taken_back', resultUnknown: false });
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
  });

  it.each(['', 'nowhere', 'web-1; reboot', '$(id)', "web-1'", 'web-1\u0000', '../web-1'])(
    'refuses the host %j without asking any',
    async (id) => {
      const doing = bed.handler('ISOLATE_HOST').perform({ type: 'host', id }, {}, null, contextOf());
      await expect(doing).rejects.toMatchObject({ retryable: false, resultUnknown: false });
    },
  );

  // The last one of its world: nothing listens after it.
  it('takes itself back when no new connection comes through', async () => {
    const hasty = await hostBed(world, { trialSeconds: 2 });
    const context = contextOf();
    const handler = hasty.handler('ISOLATE_HOST');
    // A session that goes on, while new ones are not let in any more.
    await handler.observe?.(target, {}, context);
    world.stopListening();
    await expect(handler.perform(target, {}, null, context)).rejects.toMatchObject({
      code: 'management_path_lost',
      resultUnknown: false,
      retryable: false,
    });
    await expect.poll(() => reaches(world.there, SERVICE, SOON), { timeout: SOON }).toBe(true);
    expect(await handler.verify?.(target, {}, null, null, context)).toMatchObject({ says: 'absent' });
    hasty.close();
  });
});

describe.skipIf(missing !== null)(`a barrier on trial${note(missing)}`, () => {
  let world: World;
  let bed: HostBed;
  beforeAll(async () => {
    world = await startWorld();
    await world.startSshd();
    await world.serve(SERVICE);
    bed = await hostBed(world, { trialSeconds: 2 });
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  it('is ended by the kernel alone, when even the connection that put it up is gone', async () => {
    const target = { type: 'host', id: 'web-1' } as const;
    const abort = new AbortController();
    let asked = 0;
    // The first change is the trial. Instead of the second, the confirmation, everything ends: as when Firebreak is killed.
    const context = {
      ...contextOf(undefined, abort.signal),
      maySend: () => {
        asked += 1;
        if (asked > 1) bed.hosts.close();
        return asked === 1;
      },
    };
    await expect(bed.handler('ISOLATE_HOST').perform(target, {}, null, context)).rejects.toThrow();
    expect(await reaches(world.there, SERVICE, 300)).toBe(false);
    expect(world.inside('nft', ['list', 'ruleset'])).toContain('trial');
    await expect.poll(() => reaches(world.there, SERVICE, SOON), { timeout: 2 * SOON }).toBe(true);
  });
});
