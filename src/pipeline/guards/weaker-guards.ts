import type { BlastRadius } from './blast-radius.ts';
import type { ProtectedIdentities } from './protected-identities.ts';

/** What a change of a guard takes away, a sentence each; none: nobody is protected less, and nothing may be done oftener. */

export function weakerProtection(before: ProtectedIdentities, after: ProtectedIdentities): readonly string[] {
  const kept = new Set(after.identities.map(({ id }) => id));
  return before.identities.flatMap(({ id }) => (kept.has(id) ? [] : [`${id} is no protected identity any more`]));
}

/** A type that is not named has no limit. */
export function weakerLimits(before: BlastRadius, after: BlastRadius): readonly string[] {
  const limits = new Map(after.limits.map(({ actionType, perHour }) => [actionType, perHour]));
  return before.limits.flatMap(({ actionType, perHour }) => {
    const now = limits.get(actionType);
    if (now === undefined) return [`${actionType} has no limit any more`];
    return now > perHour ? [`${actionType} may be done ${now} times an hour, not ${perHour}`] : [];
  });
}
