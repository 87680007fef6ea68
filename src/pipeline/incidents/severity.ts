import { severityRank, type Severity } from '../vocabulary.ts';
import { cellOf, confidenceOf, DEFAULT_MATRIX, type DecisionMatrix } from './decision-matrix.ts';

/** Severity that a matrix gives to a business impact and a confidence (0 to 100) of what was found. */
export function severityFrom(impact: Severity, confidence: number, matrix: DecisionMatrix = DEFAULT_MATRIX): Severity {
  return cellOf(matrix, impact, confidenceOf(matrix, confidence)).severity;
}

/** The higher of two severities. */
export function higherSeverity(left: Severity, right: Severity): Severity {
  return severityRank(left) >= severityRank(right) ? left : right;
}
