import { z } from 'zod';
import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import { handler } from '../define-handler.ts';
import { segment, type NetworkReading, type SandboxClient } from './client.ts';
import { declare, notShownYet } from './declare.ts';
import { heldStateHandler, type Things } from './held-state.ts';
import { PARAMETERS } from './parameters.ts';

/** ISOLATE_HOST, ISOLATE_NETWORK_SEGMENT, RESTORE_NETWORK_SEGMENT. */

function hosts(client: SandboxClient): Things<NetworkReading> {
  return { path: '/hosts', read: (id, reference, context) => client.readHost(id, reference, context) };
}

function segments(client: SandboxClient): Things<NetworkReading> {
  return { path: '/segments', read: (id, reference, context) => client.readSegment(id, reference, context) };
}

/** The management path stays open: evidence is collected over it, and the host is let go over it. */
export function isolateHost(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('ISOLATE_HOST', {
      targetType: 'host',
      reversibility: 'undo',
      holds: 'host.isolated',
      contains: true,
    }),
    parameters: PARAMETERS.withReason,
    things: hosts(client),
    slot: ({ isolated }) => isolated,
    satisfies: () => true,
    lifetimeMs: () => null,
    set: ({ reason }) => ({ method: 'POST', path: '/isolate', body: { reason } }),
    clear: { method: 'POST', path: '/release' },
    clearEffect: 'host.release',
  });
}

/** What isolating a segment holds, and restoring it ends. */
const SEGMENT_ISOLATED = 'segment.isolated';

export function isolateNetworkSegment(client: SandboxClient): ActionHandler {
  return heldStateHandler(client, {
    declaration: declare('ISOLATE_NETWORK_SEGMENT', {
      targetType: 'segment',
      reversibility: 'undo',
      holds: SEGMENT_ISOLATED,
      contains: true,
    }),
    parameters: PARAMETERS.withReason,
    things: segments(client),
    slot: ({ isolated }) => isolated,
    satisfies: () => true,
    lifetimeMs: () => null,
    set: ({ reason }) => ({ method: 'POST', path: '/isolate', body: { reason } }),
    clear: { method: 'POST', path: '/restore' },
    clearEffect: 'segment.restore',
  });
}

const anyReply = z.object({});
/** Tries against somebody who changes the segment at the same time. */
const MAX_CONFLICTS = 5;

/**
 * Lets a segment back in, whoever isolated it, as a step of its own: the end of a containment that people decided on. Another
 * execution that holds the segment keeps it isolated (`still_held`). It has
 * no undo: who wants the segment isolated again isolates it, and nothing is lost until then.
 */
export function restoreNetworkSegment(client: SandboxClient): ActionHandler {
  return handler({
    declaration: declare('RESTORE_NETWORK_SEGMENT', {
      targetType: 'segment',
      reversibility: 'selfRecoverable',
      holds: null,
      releases: SEGMENT_ISOLATED,
      contains: false,
    }),
    parameters: PARAMETERS.withReason,
    async observe({ target, context }) {
      const { isolated } = await client.readSegment(target.id, context.idempotencyKey, context);
      return { present: isolated };
    },
    async perform({ target, parameters, context }) {
      const path = `/segments/${segment(target.id)}/restore`;
      for (let conflict = 0; conflict < MAX_CONFLICTS; conflict += 1) {
        const { isolated, version, marks } = await client.readSegment(target.id, context.idempotencyKey, context);
        if (marks.some(({ effect }) => effect === 'segment.restore')) return { changed: true };
        if (isolated === null) return { changed: false };
        const call = { method: 'POST', path, body: parameters, ifMatch: version, reply: anyReply } as const;
        const done = await client.change(call, context);
        if (!done.refused) return { changed: true };
        if (done.code !== 'stale_version' && done.code !== 'not_isolated') throw done.error;
      }
      throw notShownYet('the segment is being changed by somebody else');
    },
    async verify({ target, context }) {
      const { isolated, marks, digest } = await client.readSegment(target.id, context.idempotencyKey, context);
      const ours = marks.find(({ effect }) => effect === 'segment.restore');
      if (isolated === null) return { says: ours === undefined ? 'foreign' : 'holds', digest };
      // Isolated again since: ours was there, and somebody else's is now.
      return { says: ours !== undefined && ours.rev < isolated.rev ? 'foreign' : 'absent', digest };
    },
  });
}
