import type { CallContext } from '../access/principal.ts';
import type { Answer, IfMatch } from '../service.ts';
import { DEFAULT_LIMITS, perHourOf, readBlastRadius, type BlastRadius, type PerHour } from './blast-radius.ts';
import { NOBODY_PROTECTED, readProtectedIdentities, type ProtectedIdentities } from './protected-identities.ts';
import type { Enforce } from './proposed-changes.service.ts';
import { NEVER_QUIET, quietHoursOf, readQuietHours, type QuietHoursGuard } from './quiet-hours.ts';
import type { QuietHours } from './quiet-until.ts';
import { versionedGuard, type GuardPorts } from './versioned-guard.ts';
import { weakerLimits, weakerProtection } from './weaker-guards.ts';

interface Change {
  readonly document: unknown;
  readonly ifMatch: IfMatch;
}

/** Limits that people set over all playbooks and policies. Executions under way keep those with which they began. */
export interface GuardService {
  /** The protected identities, with why each is one; version 0 before anybody set them. */
  getProtected(ctx: CallContext): Promise<Answer>;
  /** Replaces the list. @throws FirebreakError `invalid_guard`. */
  setProtected(ctx: CallContext, input: Change): Promise<Answer>;
  /** How often an hour may do what an action type does; version 0 with the limits that are in force before anybody set any. */
  getBlastRadius(ctx: CallContext): Promise<Answer>;
  /** Replaces all limits. @throws FirebreakError `invalid_guard`. */
  setBlastRadius(ctx: CallContext, input: Change): Promise<Answer>;
  /** When actions of small incidents wait, and which; version 0 before anybody set any: none. */
  getQuietHours(ctx: CallContext): Promise<Answer>;
  /** Replaces them. @throws FirebreakError `invalid_guard`. */
  setQuietHours(ctx: CallContext, input: Change): Promise<Answer>;
  /** The protected ids in canonical form, sorted; the same list as long as it is not changed. */
  protectedIdentities(): Promise<readonly string[]>;
  /** The limits by action type; the same as long as they are not changed. */
  perHour(): Promise<PerHour>;
  /** What a confirmed proposal writes. */
  readonly enforce: Enforce;
  /** As plans hold them, null where nothing waits; the same as long as they are not changed. */
  quietHours(): Promise<QuietHours | null>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

/** Builds the service. Every version of a guard is a record with the whole of it. */
export function createGuardService(ports: GuardPorts): GuardService {
  const identities = versionedGuard<ProtectedIdentities, readonly string[]>(ports, {
    id: 'protected-identities',
    first: NOBODY_PROTECTED,
    read: readProtectedIdentities,
    inForce: (document) => document.identities.map(({ id }) => id),
    weakens: weakerProtection,
  });
  const limits = versionedGuard<BlastRadius, PerHour>(ports, {
    id: 'blast-radius',
    first: DEFAULT_LIMITS,
    read: readBlastRadius,
    inForce: perHourOf,
    weakens: weakerLimits,
  });
  const quiet = versionedGuard<QuietHoursGuard, QuietHours | null>(ports, {
    id: 'quiet-hours',
    first: NEVER_QUIET,
    read: readQuietHours,
    inForce: quietHoursOf,
    // What may wait keeps nobody out and asks nobody, and nothing severe waits: no safeguard is lost.
    weakens: () => [],
  });
  return {
    getProtected: () => identities.get(),
    setProtected: (ctx, input) => identities.set(ctx, input),
    getBlastRadius: () => limits.get(),
    setBlastRadius: (ctx, input) => limits.set(ctx, input),
    getQuietHours: () => quiet.get(),
    setQuietHours: (ctx, input) => quiet.set(ctx, input),
    protectedIdentities: () => identities.inForce(),
    perHour: () => limits.inForce(),
    enforce: (ctx, terms, by) => (terms.target === 'blast-radius' ? limits : identities).enforce(ctx, terms, by),
    quietHours: () => quiet.inForce(),
    refresh() {
      identities.forget();
      limits.forget();
      quiet.forget();
    },
  };
}
