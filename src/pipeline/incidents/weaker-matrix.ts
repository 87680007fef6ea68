import { DATA_CLASSES } from '../inventory/asset.ts';
import { severityRank } from '../vocabulary.ts';
import {
  cellName,
  cellOf,
  MATRIX_GATES,
  REGULATORY_TRIGGERS,
  type DecisionMatrix,
  type MatrixCell,
} from './decision-matrix.ts';

/**
 * What a change of the matrix takes away, a sentence each: a lower severity, an approver less, a regulator who is told later,
 * a containment that asks no longer before it runs, or none where there was one. Pure.
 */
export function weakerMatrix(before: DecisionMatrix, after: DecisionMatrix): readonly string[] {
  return [
    ...gateChanges(before, after),
    ...boundChanges(before, after),
    ...DATA_CLASSES.flatMap((name) =>
      severityRank(after.impactOfData[name]) < severityRank(before.impactOfData[name])
        ? [`data of the class ${name} has the impact ${after.impactOfData[name]}, not ${before.impactOfData[name]}`]
        : [],
    ),
    ...(after.provisionalTtlMs > before.provisionalTtlMs
      ? [
          `what was contained before anybody was asked lasts ${after.provisionalTtlMs} ms, not ${before.provisionalTtlMs}`,
        ]
      : []),
    ...before.cells.flatMap((cell) => cellChanges(cell, cellOf(after, cell.impact, cell.confidence))),
  ];
}

function gateChanges({ gates: before }: DecisionMatrix, { gates: after }: DecisionMatrix): readonly string[] {
  return MATRIX_GATES.indexOf(after) < MATRIX_GATES.indexOf(before)
    ? [`the approvers of the cells are asked ${after}, not ${before}`]
    : [];
}

function boundChanges(before: DecisionMatrix, after: DecisionMatrix): readonly string[] {
  return (['medium', 'high', 'confirmed'] as const).flatMap((name) => {
    const [old, now] = [before.confidenceBounds[name], after.confidenceBounds[name]];
    return now > old ? [`a confidence is ${name} from ${now} points on, not from ${old}`] : [];
  });
}

function cellChanges(before: MatrixCell, after: MatrixCell): readonly string[] {
  const name = cellName(before);
  const gone = before.approvers.filter((role) => !after.approvers.includes(role));
  const trigger = REGULATORY_TRIGGERS.indexOf(after.regulatoryTrigger);
  return [
    ...(severityRank(after.severity) < severityRank(before.severity)
      ? [`${name} is ${after.severity}, not ${before.severity}`]
      : []),
    ...gone.map((role) => `${role} approves no longer at ${name}`),
    ...(trigger < REGULATORY_TRIGGERS.indexOf(before.regulatoryTrigger)
      ? [`the regulatory trigger of ${name} is ${after.regulatoryTrigger}, not ${before.regulatoryTrigger}`]
      : []),
    ...(after.containReversiblyAndAsk && !before.containReversiblyAndAsk
      ? [`${name} contains before anybody is asked`]
      : []),
    ...(before.containReversiblyAndAsk && !after.containReversiblyAndAsk
      ? [`${name} contains nothing any more until somebody has approved`]
      : []),
  ];
}
