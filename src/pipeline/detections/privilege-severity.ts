import { SEVERITIES, severityRank, type Severity } from '../vocabulary.ts';
import type { Rule } from './detector.ts';
import type { Operation } from './privilege-operations.ts';
import { integerCondition } from './rules.ts';

type Graded = Readonly<Record<Operation, Severity | null>>;

/** Operations that a change window applies to. */
const GRANTS: ReadonlySet<Operation> = new Set<Operation>(['grant', 'adminGrant', 'selfGrant', 'tokenCreation']);

/** Own, but for two: Elastic rates a single privilege grant and a new API token medium (@14cf530f). */
const SEVERITY_WHEN_UNUSUAL: Graded = {
  grant: 'MEDIUM',
  adminGrant: 'HIGH',
  selfGrant: 'HIGH',
  mfaRemoval: 'MEDIUM',
  tokenCreation: 'MEDIUM',
  loggingOff: 'HIGH',
  dataExport: 'MEDIUM',
};

/** Own: while a person is new to us, everyday operations are only noted. */
const SEVERITY_WHEN_LEARNING: Graded = {
  grant: 'LOW',
  adminGrant: 'MEDIUM',
  selfGrant: 'HIGH',
  mfaRemoval: 'LOW',
  tokenCreation: 'LOW',
  loggingOff: 'HIGH',
  dataExport: 'LOW',
};

/** Own: what a person does regularly is silent, except what nobody should do quietly. */
const SEVERITY_WHEN_USUAL: Graded = {
  grant: null,
  adminGrant: null,
  selfGrant: 'HIGH',
  mfaRemoval: null,
  tokenCreation: null,
  loggingOff: 'MEDIUM',
  dataExport: null,
};

/** What is known about an operation when it is graded. */
export interface Circumstances {
  readonly learning: boolean;
  readonly usual: boolean;
  /** Soon after a change of the person's second factor or a new device. */
  readonly afterTrigger: boolean;
  readonly outside: boolean;
}

/** The severity of an operation, or null when it is none of our business. */
export function severityOf(operation: Operation, circumstances: Circumstances): Severity | null {
  const { learning, usual, afterTrigger, outside } = circumstances;
  if (usual) return raised(SEVERITY_WHEN_USUAL[operation], afterTrigger, outside);
  return raised((learning ? SEVERITY_WHEN_LEARNING : SEVERITY_WHEN_UNUSUAL)[operation], afterTrigger, outside);
}

/** After a reset or from a new device: one step up and at least HIGH, even when usual. Outside hours: one step up. */
function raised(ground: Severity | null, afterTrigger: boolean, outside: boolean): Severity | null {
  const rank = (ground === null ? -1 : severityRank(ground)) + (afterTrigger ? 1 : 0) + (outside ? 1 : 0);
  const least = afterTrigger ? severityRank('HIGH') : -1;
  return SEVERITIES[Math.min(severityRank('CRITICAL'), Math.max(rank, least))] ?? null;
}

/** True for a grant outside the rule's change window. Hours are UTC; a window may run over midnight. 0 to 24 is no window: nothing lies outside. */
export function isOutsideChangeWindow(operation: Operation, time: number, rule: Rule): boolean {
  if (!GRANTS.has(operation)) return false;
  const start = integerCondition(rule, 'changeWindowStartHour');
  const end = integerCondition(rule, 'changeWindowEndHour');
  const hour = Math.floor(time / 3_600_000) % 24;
  return start < end ? hour < start || hour >= end : hour < start && hour >= end;
}

/** Own scale: what is unusual whatever the person, less while learning, more after a trigger. */
export function confidenceOf(operation: Operation, circumstances: Circumstances): number {
  const { learning, usual, afterTrigger, outside } = circumstances;
  const ground = operation === 'selfGrant' || operation === 'loggingOff' ? 70 : 60;
  return ground + (usual ? -20 : learning ? -10 : 5) + (afterTrigger ? 20 : 0) + (outside ? 5 : 0);
}
