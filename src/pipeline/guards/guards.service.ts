import { FirebreakError } from '../../platform/errors.ts';
import type { CallContext } from '../access/principal.ts';
import type { Answer, IfMatch } from '../service.ts';
import { matrixInForce, type MatrixInForce } from '../incidents/decide.ts';
import { DEFAULT_MATRIX, type DecisionMatrix } from '../incidents/decision-matrix.ts';
import { readMatrix } from '../incidents/read-matrix.ts';
import { weakerMatrix } from '../incidents/weaker-matrix.ts';
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
  /** Which severity, action and approvers an impact and a confidence ask for; version 0 is the default. */
  getDecisionMatrix(ctx: CallContext): Promise<Answer>;
  /** Replaces all of it. @throws FirebreakError `invalid_guard`, naming the cells. */
  setDecisionMatrix(ctx: CallContext, input: Change): Promise<Answer>;
  /** The protected ids in canonical form, sorted; the same list as long as it is not changed. */
  protectedIdentities(): Promise<readonly string[]>;
  /** The limits by action type; the same as long as they are not changed. */
  perHour(): Promise<PerHour>;
  /** What incidents are judged by; the same object as long as it is not changed. */
  decisionMatrix(): Promise<MatrixInForce>;
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
    inForce: (document) => perHourOf(document),
    weakens: weakerLimits,
  });
  const quiet = versionedGuard<QuietHoursGuard, QuietHours | null>(ports, {
    id: 'quiet-hours',
    first: NEVER_QUIET,
    read: readQuietHours,
    inForce: (document) => quietHoursOf(document),
    // What may wait keeps nobody out and asks nobody, and nothing severe waits: no safeguard is lost.
    weakens: () => [],
  });
  const matrix = versionedGuard<DecisionMatrix, MatrixInForce>(ports, {
    id: 'decision-matrix',
    first: DEFAULT_MATRIX,
    read: readMatrix,
    inForce: matrixInForce,
    weakens: weakerMatrix,
  });
  /** Quiet hours take nothing away, so none of them is ever proposed. */
  const proposable = new Map<string, { readonly enforce: Enforce }>([
    ['protected-identities', identities],
    ['blast-radius', limits],
    ['decision-matrix', matrix],
  ]);
  return {
    getProtected: () => identities.get(),
    setProtected: (ctx, input) => identities.set(ctx, input),
    getBlastRadius: () => limits.get(),
    setBlastRadius: (ctx, input) => limits.set(ctx, input),
    getQuietHours: () => quiet.get(),
    setQuietHours: (ctx, input) => quiet.set(ctx, input),
    getDecisionMatrix: () => matrix.get(),
    setDecisionMatrix: (ctx, input) => matrix.set(ctx, input),
    decisionMatrix: () => matrix.inForce(),
    protectedIdentities: () => identities.inForce(),
    perHour: () => limits.inForce(),
    async enforce(ctx, terms, by) {
      const guard = proposable.get(terms.target);
      if (guard === undefined) throw new FirebreakError('conflict', `There is no guard ${terms.target}`);
      return guard.enforce(ctx, terms, by);
    },
    quietHours: () => quiet.inForce(),
    refresh() {
      identities.forget();
      limits.forget();
      quiet.forget();
      matrix.forget();
    },
  };
}
