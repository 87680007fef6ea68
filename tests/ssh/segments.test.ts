import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf, undoOf } from '../support/sandbox-testbed.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { joinSegment, makeGateway, networkOf, routeTo } from '../support/ssh-segment.ts';
import { reaches, reachesFrom, note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

const missing = whyNoHosts();
const SERVICE = 8_080;
const SOON = 3_000;
const CUT = 400;
const DMZ = networkOf(1);
const OFFICE = networkOf(2);

/** The world's host is a gateway here: a server stands in the segment `dmz` behind it, a client in an office network. */
describe.skipIf(missing !== null)(`segments behind a real gateway${note(missing)}`, () => {
  let world: World;
  let bed: HostBed;
  let client = '';
  beforeAll(async () => {
    world = await startWorld();
    const server = joinSegment(world, 'dmz0', DMZ, 'fd77:1:');
    client = joinSegment(world, 'office0', OFFICE, 'fd77:2:');
    makeGateway(world);
    routeTo(world, DMZ);
    await world.startSshd();
    await Promise.all([world.serve(SERVICE, server), world.serve(SERVICE, client)]);
    const segments = [
      { id: 'DMZ', prefixes: [`${DMZ}.0/24`, 'fd77:1::/64'] },
      { id: 'office', prefixes: [`${OFFICE}.0/24`] },
    ];
    bed = await hostBed(world, { entries: [entryOf(world, { id: 'gw-1', segments })] });
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  const target = { type: 'segment', id: 'dmz' } as const;
  const fromOffice = (host: string, withinMs: number) => reachesFrom(client, host, SERVICE, withinMs);

  async function isolate(parameters: object = {}) {
    const context = contextOf();
    const handler = bed.handler('ISOLATE_NETWORK_SEGMENT');
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    const outcome = await handler.perform(target, parameters, prior, context);
    const verify = (key = context) => handler.verify?.(target, parameters, prior, outcome, key);
    const undo = () => handler.undo?.(target, parameters, prior, outcome, undoOf(context.effectKey));
    return { verify, undo };
  }

  it('cuts a segment off from all but management, and undo joins it again', async () => {
    expect(await fromOffice(`${DMZ}.2`, SOON)).toBe(true);
    expect(await fromOffice('fd77:1::2', SOON)).toBe(true);
    const { verify, undo } = await isolate();
    expect(await verify()).toMatchObject({ says: 'holds' });
    expect(await fromOffice(`${DMZ}.2`, CUT)).toBe(false);
    expect(await fromOffice('fd77:1::2', CUT)).toBe(false);
    expect(await reaches(`${DMZ}.2`, SERVICE, SOON)).toBe(true);
    // Other segments of the same gateway go on.
    expect(await reachesFrom(world.namespace, `${OFFICE}.2`, SERVICE, SOON)).toBe(true);
    expect(await undo()).toMatchObject({ result: 'restored' });
    expect(await fromOffice(`${DMZ}.2`, SOON)).toBe(true);
    expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
  });

  it('is opened by RESTORE_NETWORK_SEGMENT, whoever cut it off', async () => {
    const isolated = await isolate({ expirationMinutes: 30 });
    const handler = bed.handler('RESTORE_NETWORK_SEGMENT');
    const context = contextOf();
    const prior = (await handler.observe?.(target, {}, context)) ?? null;
    expect(await handler.verify?.(target, {}, prior, null, context)).toMatchObject({ says: 'absent' });
    const outcome = await handler.perform(target, {}, prior, context);
    expect(outcome).toEqual({ changed: true });
    expect(await handler.verify?.(target, {}, prior, outcome, context)).toMatchObject({ says: 'holds' });
    expect(await fromOffice(`${DMZ}.2`, SOON)).toBe(true);
    // It is final; the undo of what cut it off finds it open.
    expect(handler.undo).toBeUndefined();
    expect(await isolated.verify()).toMatchObject({ says: 'absent' });
    expect(await isolated.undo()).toMatchObject({ result: 'restored' });
    const again = contextOf();
    expect(await handler.perform(target, {}, null, again)).toEqual({ changed: false });
    expect(await handler.verify?.(target, {}, null, { changed: false }, again)).toMatchObject({ says: 'foreign' });
  });

  it.each(['', 'lan', "dmz'", 'dmz; nft flush ruleset', `${DMZ}.0/24`, 'dmz\n', '\u{1F525}'])(
    'refuses the segment %j unless it is one',
    async (id) => {
      const doing = bed.handler('ISOLATE_NETWORK_SEGMENT').perform({ type: 'segment', id }, {}, null, {
        ...contextOf(),
        maySend: () => false,
      });
      // A name with blanks around it is that name; whatever is found, nothing is sent.
      await expect(doing).rejects.toMatchObject({ resultUnknown: false });
      expect(world.inside('nft', ['list', 'ruleset'])).not.toContain('firebreak');
    },
  );
});
