import { severityRank, type Severity } from '../vocabulary.ts';

/** Bounds of confidence, in points of 100: below 40 low, below 70 medium, below 90 high, else confirmed. */
const CONFIDENCE_BOUNDS = [40, 70, 90] as const;

/**
 * Business impact (rows, LOW to CRITICAL) by confidence (columns: low, medium, high, confirmed). Four cells are the
 * request's own matrix, marked `*`; the others are ours, filled so that neither more impact nor more confidence
 * ever lowers the severity.
 */
const MATRIX: Readonly<Record<Severity, readonly [Severity, Severity, Severity, Severity]>> = {
  LOW: ['LOW', 'LOW', 'LOW' /* * */, 'MEDIUM'],
  MEDIUM: ['LOW', 'MEDIUM' /* * */, 'MEDIUM', 'HIGH'],
  HIGH: ['MEDIUM', 'HIGH', 'HIGH' /* * */, 'CRITICAL'],
  CRITICAL: ['HIGH', 'HIGH', 'CRITICAL', 'CRITICAL' /* * */],
};

/** Severity of an incident from its business impact and the confidence (0 to 100) of what was found. */
export function severityFrom(impact: Severity, confidence: number): Severity {
  const column = CONFIDENCE_BOUNDS.filter((bound) => confidence >= bound).length;
  return MATRIX[impact][column] ?? 'CRITICAL';
}

/** The higher of two severities. */
export function higherSeverity(left: Severity, right: Severity): Severity {
  return severityRank(left) >= severityRank(right) ? left : right;
}
