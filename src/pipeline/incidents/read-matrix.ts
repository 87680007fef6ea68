import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { DATA_CLASSES } from '../inventory/asset.ts';
import { ACTION_TYPES, ROLES, SEVERITIES, severityRank } from '../vocabulary.ts';
import {
  CELL_SOURCES,
  cellName,
  CONFIDENCES,
  DEFAULT_MATRIX,
  MATRIX_GATES,
  REGULATORY_TRIGGERS,
  type DecisionMatrix,
  type MatrixCell,
} from './decision-matrix.ts';

/** Longest text of a required action, in UTF-16 units: two lines of a table. */
const MAX_ACTION_TEXT = 300;
/** A provisional containment lasts as long as a person needs to look, and no longer than one decision extends it. */
const MIN_PROVISIONAL_MS = 5 * 60_000;
const MAX_PROVISIONAL_MS = 24 * 3_600_000;

const POINTS = z.int().min(1).max(100);
const CELL = z.strictObject({
  impact: z.enum(SEVERITIES),
  confidence: z.enum(CONFIDENCES),
  severity: z.enum(SEVERITIES),
  requiredAction: z
    .string()
    .trim()
    .min(1)
    .max(MAX_ACTION_TEXT)
    .regex(/^\P{C}*$/u, 'holds a control character'),
  actions: z.array(z.enum(ACTION_TYPES)).max(ACTION_TYPES.length).default([]),
  approvers: z.array(z.enum(ROLES)).max(ROLES.length).default([]),
  regulatoryTrigger: z.enum(REGULATORY_TRIGGERS),
  containReversiblyAndAsk: z.boolean().default(false),
  source: z.enum(CELL_SOURCES).default('own'),
});
const MATRIX = z.strictObject({
  confidenceBounds: z
    .strictObject({ medium: POINTS, high: POINTS, confirmed: POINTS })
    .default(DEFAULT_MATRIX.confidenceBounds),
  /** Classes that are not named keep the default. */
  impactOfData: z
    .partialRecord(z.enum(DATA_CLASSES), z.enum(SEVERITIES))
    .default({})
    .transform((given) => ({ ...DEFAULT_MATRIX.impactOfData, ...given })),
  provisionalTtlMs: z.int().min(MIN_PROVISIONAL_MS).max(MAX_PROVISIONAL_MS).default(DEFAULT_MATRIX.provisionalTtlMs),
  gates: z.enum(MATRIX_GATES).default(DEFAULT_MATRIX.gates),
  cells: z.array(CELL).max(SEVERITIES.length * CONFIDENCES.length),
});

/**
 * The matrix from a JSON value, cells in their order; or all faults, each with a pointer. Refused: a cell that is missing or
 * stands twice, bounds out of order, more impact or more confidence with a lower severity, and the rule of low
 * confidence anywhere but there.
 */
export function readMatrix(value: unknown): DecisionMatrix | { readonly faults: readonly Fault[] } {
  const parsed = MATRIX.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  const matrix: DecisionMatrix = parsed.data;
  const faults = [...boundFaults(matrix), ...cellFaults(matrix), ...ruleFaults(matrix)];
  if (faults.length > 0) return { faults };
  const cells = [...matrix.cells].sort((left, right) => placeOf(left) - placeOf(right)).map(sorted);
  const falling = fallingFaults(cells);
  return falling.length > 0 ? { faults: falling } : { ...matrix, cells };
}

function boundFaults({ confidenceBounds: { medium, high, confirmed } }: DecisionMatrix): readonly Fault[] {
  if (medium < high && high < confirmed) return [];
  return [{ pointer: '/confidenceBounds', detail: 'The bounds have to rise: medium below high below confirmed.' }];
}

function cellFaults({ cells }: DecisionMatrix): readonly Fault[] {
  const names = cells.map(cellName);
  const twice = names.flatMap((name, index) =>
    names.indexOf(name) === index ? [] : [{ pointer: `/cells/${index}`, detail: `${name} stands here twice.` }],
  );
  const missing = SEVERITIES.flatMap((impact) => CONFIDENCES.map((confidence) => cellName({ impact, confidence })))
    .filter((name) => !names.includes(name))
    .map((name) => ({ pointer: '/cells', detail: `The cell ${name} is missing; all 16 have to stand here.` }));
  return [...twice, ...missing];
}

function ruleFaults({ cells }: DecisionMatrix): readonly Fault[] {
  return cells.flatMap((cell, index) =>
    cell.containReversiblyAndAsk && (cell.confidence !== 'LOW' || severityRank(cell.impact) < severityRank('HIGH'))
      ? [
          {
            pointer: `/cells/${index}/containReversiblyAndAsk`,
            detail: `${cellName(cell)} cannot contain before it asks: that is for LOW confidence with HIGH impact or above.`,
          },
        ]
      : [],
  );
}

/** Each cell is compared with the one of less impact and the one of less confidence beside it; the rest follows. */
function fallingFaults(cells: readonly MatrixCell[]): readonly Fault[] {
  return cells.flatMap((cell, index) => {
    const less = index % CONFIDENCES.length === 0 ? [] : [cells[index - 1]];
    const lighter = [cells[index - CONFIDENCES.length], ...less].filter((each) => each !== undefined);
    return lighter
      .filter(({ severity }) => severityRank(severity) > severityRank(cell.severity))
      .map((each) => ({
        pointer: `/cells/${index}/severity`,
        detail: `${cellName(cell)} is ${cell.severity}, below ${cellName(each)} (${each.severity}): neither more impact nor more confidence may lower it.`,
      }));
  });
}

function placeOf({ impact, confidence }: MatrixCell): number {
  return severityRank(impact) * CONFIDENCES.length + CONFIDENCES.indexOf(confidence);
}

function sorted(cell: MatrixCell): MatrixCell {
  return {
    ...cell,
    actions: [...new Set(cell.actions)],
    approvers: [...new Set(cell.approvers)].sort(),
  };
}
