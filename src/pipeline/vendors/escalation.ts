import { derivedId } from '../../platform/hash.ts';
import { invariant } from '../../platform/errors.ts';
import type { Json } from '../../platform/canonical-json.ts';
import type { Severity } from '../vocabulary.ts';
import type { Vendor } from './vendor.ts';

/** How an organisation's own people are told of an incident that touches a vendor, level by level, until somebody has it. */

const MINUTE_MS = 60_000;

export interface Level {
  /** From the start, in ms. */
  readonly afterMs: number;
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
}

/** Folded from its records, and the body of its row. */
export interface Escalation {
  readonly incidentId: string;
  readonly vendorId: string;
  readonly vendorName: string;
  readonly vendorVersion: number;
  readonly severity: Severity;
  readonly through: string | null;
  readonly levels: readonly Level[];
  readonly startedAt: number;
  /** Levels that were told. */
  readonly told: number;
  readonly acknowledged: { readonly by: string; readonly at: number; readonly note: string } | null;
  /** How many records it has. */
  readonly version: number;
}

type Started = Omit<Escalation, 'told' | 'acknowledged' | 'version' | 'startedAt'>;

/** What people are told with a record, so that it says all of it by itself. */
interface About {
  readonly incidentId: string;
  readonly vendorId: string;
  readonly vendorName: string;
  readonly severity: Severity;
  readonly through: string | null;
  /** Everybody who has been told by then. */
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
}

/** What is told with a record when so many levels have been. */
export function aboutOf(escalation: Started, told: number): About {
  const { incidentId, vendorId, vendorName, severity, through, levels } = escalation;
  const reached = levels.slice(0, told);
  return {
    incidentId,
    vendorId,
    vendorName,
    severity,
    through,
    roles: [...new Set(reached.flatMap(({ roles }) => roles))].sort(),
    userIds: [...new Set(reached.flatMap(({ userIds }) => userIds))].sort(),
  };
}

/** A record of an escalation's stream, before it is written or after. */
export type EscalationRecord =
  | { readonly type: 'escalation.started'; readonly at: number; readonly data: Started }
  | { readonly type: 'escalation.raised'; readonly at: number; readonly data: { readonly told: number } & About }
  | {
      readonly type: 'escalation.acknowledged';
      readonly at: number;
      readonly data: { readonly by: string; readonly note: string } & About;
    };

/** One for each incident and vendor: a repeat lands on the same. */
export function escalationId(incidentId: string, vendorId: string): string {
  return derivedId('esc', incidentId, vendorId);
}

export function escalationStream(id: string): string {
  return `escalation/${id}`;
}

export function levelsOf({ escalation }: Pick<Vendor, 'escalation'>): readonly Level[] {
  return escalation.map(({ afterMinutes, roles, userIds }) => ({ afterMs: afterMinutes * MINUTE_MS, roles, userIds }));
}

/** One more record. @throws for one that cannot come next: only `escalations.service.ts` writes them. */
export function evolveEscalation(before: Escalation | null, { type, at, data }: EscalationRecord): Escalation {
  if (type === 'escalation.started') {
    invariant(before === null, 'an escalation is started once');
    return { ...data, startedAt: at, told: 0, acknowledged: null, version: 1 };
  }
  invariant(before !== null && before.acknowledged === null, 'an escalation was started, and nobody has it yet');
  const version = before.version + 1;
  if (type === 'escalation.raised') return { ...before, told: data.told, version };
  return { ...before, acknowledged: { by: data.by, at, note: data.note }, version };
}

/** The escalation that the records of its stream make, or null where there are none. */
export function foldEscalation(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Escalation | null {
  return records.reduce<Escalation | null>(
    // What is in such a stream was written as an `EscalationRecord`.
    (before, record) => evolveEscalation(before, record as unknown as EscalationRecord),
    null,
  );
}

/** When the next level is told, or null: all were, or somebody has it. */
export function nextDue({ acknowledged, levels, told, startedAt }: Escalation): number | null {
  const next = levels[told];
  return acknowledged !== null || next === undefined ? null : startedAt + next.afterMs;
}

/** How many levels are told by a time. */
export function dueLevels({ levels, startedAt, told }: Escalation, now: number): number {
  return Math.max(told, levels.filter(({ afterMs }) => startedAt + afterMs <= now).length);
}

export const ESCALATION_STATUSES = ['OPEN', 'UNANSWERED', 'ACKNOWLEDGED'] as const;
export type EscalationStatus = (typeof ESCALATION_STATUSES)[number];

/** UNANSWERED: all levels were told, and nobody has said that they have it. */
export function statusOf({ acknowledged, told, levels }: Escalation): EscalationStatus {
  if (acknowledged !== null) return 'ACKNOWLEDGED';
  return told < levels.length ? 'OPEN' : 'UNANSWERED';
}
