import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { ACTION_TYPES, type ActionType } from '../vocabulary.ts';

/** Highest limit: what an hour can do at all. Who wants none leaves the type out. */
const MAX_PER_HOUR = 100_000;

/**
 * What an hour may do of each containing action before people have set anything: several times what a bad day of a company of
 * ten thousand accounts needs, and far less than all of its accounts. A campaign of more accounts asks once, for all of them.
 */
export const DEFAULT_PER_HOUR = 500;

const CONTAINING: readonly ActionType[] = [
  'ACCOUNT_SUSPEND',
  'ACTION_BLOCK',
  'DEVICE_DEREGISTER',
  'FORCE_PASSWORD_RESET',
  'FULL_SESSION_KILL',
  'GEO_LOCK',
  'IPBLACKLIST_ADD',
  'SELECTIVE_TOKEN_REVOKE',
];

const DOCUMENT = z.strictObject({
  limits: z
    .array(z.strictObject({ actionType: z.enum(ACTION_TYPES), perHour: z.int().min(0).max(MAX_PER_HOUR) }))
    .max(ACTION_TYPES.length),
});

/** How often an hour may do what an action type does, before a person is asked. Types that are not named have no limit. */
export type BlastRadius = Readonly<z.infer<typeof DOCUMENT>>;

/** The same as plans hold it. */
export type PerHour = { readonly [type in ActionType]?: number };

/** In force before anybody has set any. */
export const DEFAULT_LIMITS: BlastRadius = {
  limits: CONTAINING.map((actionType) => ({ actionType, perHour: DEFAULT_PER_HOUR })),
};

/** The limits from a JSON value, in the order of the types; or all faults, each with a pointer. */
export function readBlastRadius(value: unknown): BlastRadius | { readonly faults: readonly Fault[] } {
  const parsed = DOCUMENT.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  const { limits } = parsed.data;
  const faults = limits.flatMap(({ actionType }, index) =>
    limits.findIndex((other) => other.actionType === actionType) === index
      ? []
      : [{ pointer: `/limits/${index}/actionType`, detail: `${actionType} stands here twice.` }],
  );
  if (faults.length > 0) return { faults };
  return { limits: [...limits].sort((left, right) => (left.actionType < right.actionType ? -1 : 1)) };
}

/** As plans hold them. */
export function perHourOf({ limits }: BlastRadius): PerHour {
  return Object.fromEntries(limits.map(({ actionType, perHour }) => [actionType, perHour]));
}
