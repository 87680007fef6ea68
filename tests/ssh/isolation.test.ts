import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionContext } from '../../src/pipeline/actions/contract.ts';
import { hostBed, type HostBed } from '../support/ssh-bed.ts';
import { reaches, reachesFrom, SSH_PORT, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';
import { contextOf, undoOf } from '../support/sandbox-testbed.ts';

const missing = whyNoHosts();
const SERVICE = 8_080;
/** How long a connection that works may take, and how long one that is cut is waited for, in ms. */
const SOON = 3_000;
const CUT = 400;

describe.skipIf(missing !== null)(
  `ISOLATE_HOST on a real host${missing === null ? '' : ` (SKIPPED: ${missing})`}`,
  () => {
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
  },
);
