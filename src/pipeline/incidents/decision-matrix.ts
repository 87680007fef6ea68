import type { DataClass } from '../inventory/asset.ts';
import type { ActionType, Role, Severity } from '../vocabulary.ts';

/** How sure detection is, in words: the bounds are in the matrix. */
export const CONFIDENCES = ['LOW', 'MEDIUM', 'HIGH', 'CONFIRMED'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

/** What a regulator may want to hear, from nothing to at once. */
export const REGULATORY_TRIGGERS = ['NONE', 'INTERNAL_TRACKING', 'WITHIN_72_HOURS', 'IMMEDIATE'] as const;
export type RegulatoryTrigger = (typeof REGULATORY_TRIGGERS)[number];

/** Where a cell comes from: the request's own table, this project, or the organisation. */
export const CELL_SOURCES = ['seed', 'ours', 'own'] as const;

/** When a cell's approvers are asked: where the inventory knows what is concerned, always, or never. */
export const MATRIX_GATES = ['NEVER', 'KNOWN_IMPACT', 'ALWAYS'] as const;
export type MatrixGates = (typeof MATRIX_GATES)[number];

export interface MatrixCell {
  readonly impact: Severity;
  readonly confidence: Confidence;
  readonly severity: Severity;
  /** In words, for people. */
  readonly requiredAction: string;
  /** What a playbook for this cell should hold beside its containment: a recommendation. */
  readonly actions: readonly ActionType[];
  /** One person of each has to approve what contains. Empty: nobody is asked by the matrix. */
  readonly approvers: readonly Role[];
  readonly regulatoryTrigger: RegulatoryTrigger;
  /** What can be undone runs at once, for a time; people are asked whether to keep it. */
  readonly containReversiblyAndAsk: boolean;
  readonly source: (typeof CELL_SOURCES)[number];
}

/** Business impact by confidence, as people set it. Plain data. */
export interface DecisionMatrix {
  /** Points of 100 from which on a confidence is MEDIUM, HIGH, CONFIRMED. */
  readonly confidenceBounds: { readonly medium: number; readonly high: number; readonly confirmed: number };
  /** Least impact of whatever holds such data. */
  readonly impactOfData: Readonly<Record<DataClass, Severity>>;
  /** How long a containment lasts that ran before anybody was asked, in ms. */
  readonly provisionalTtlMs: number;
  readonly gates: MatrixGates;
  /** All 16, in the order of impact and confidence. */
  readonly cells: readonly MatrixCell[];
}

/** Four hours: somebody who is woken can look at it, and a mistake is over before the day is. */
const PROVISIONAL_TTL_MS = 4 * 3_600_000;

const LOG = 'Log and tell the SOC';
const CONTAIN = 'Contain host, disable creds, notify IR lead';
const ISOLATE = 'Isolate, image disk, notify CISO/Legal';
const FULL = 'Full containment, legal hold, PR prep, regulator notification';
const REVERSIBLY = 'Contain what can be undone at once, ask whether to keep it';

const SOC: readonly ActionType[] = ['NOTIFY_SOC'];
const LEAD: readonly ActionType[] = ['NOTIFY_IR_LEAD'];
const IMAGE: readonly ActionType[] = ['TRIGGER_FULL_DISK_IMAGING', 'NOTIFY_CISO_AND_LEGAL'];
const ALL: readonly ActionType[] = ['LEGAL_HOLD', 'PR_PREP', 'NOTIFY_CISO_AND_LEGAL', 'NOTIFY_REGULATORY_CONTACT'];

/** What a row of the default matrix says, from the confidence LOW to CONFIRMED. */
type Column = Omit<MatrixCell, 'impact' | 'confidence' | 'containReversiblyAndAsk'> & { readonly reversibly?: true };

/**
 * The request's four rows are marked `seed`. The other cells are ours, filled so that neither more impact nor more
 * confidence ever lowers the severity, and that whoever approves the graver cell counts for the lighter one.
 */
const ROWS: Readonly<Record<Severity, readonly [Column, Column, Column, Column]>> = {
  LOW: [
    ours('LOW', LOG, SOC, [], 'NONE'),
    ours('LOW', LOG, SOC, [], 'NONE'),
    seed('LOW', 'Auto-contain, log, notify SOC', SOC, [], 'NONE'),
    ours('MEDIUM', 'Auto-contain, log, notify SOC', SOC, [], 'INTERNAL_TRACKING'),
  ],
  MEDIUM: [
    ours('LOW', LOG, SOC, ['IR_LEAD'], 'NONE'),
    seed('MEDIUM', CONTAIN, LEAD, ['IR_LEAD'], 'INTERNAL_TRACKING'),
    ours('MEDIUM', CONTAIN, LEAD, ['IR_LEAD'], 'INTERNAL_TRACKING'),
    ours('HIGH', CONTAIN, [...LEAD, 'NOTIFY_SOC'], ['IR_LEAD'], 'INTERNAL_TRACKING'),
  ],
  HIGH: [
    { ...ours('MEDIUM', REVERSIBLY, LEAD, ['IR_LEAD'], 'INTERNAL_TRACKING'), reversibly: true },
    ours('HIGH', ISOLATE, IMAGE, ['CISO'], 'INTERNAL_TRACKING'),
    seed('HIGH', ISOLATE, IMAGE, ['CISO'], 'WITHIN_72_HOURS'),
    ours('CRITICAL', FULL, ALL, ['CISO', 'LEGAL'], 'WITHIN_72_HOURS'),
  ],
  CRITICAL: [
    { ...ours('HIGH', REVERSIBLY, LEAD, ['CISO'], 'INTERNAL_TRACKING'), reversibly: true },
    ours('HIGH', ISOLATE, IMAGE, ['CISO'], 'WITHIN_72_HOURS'),
    ours('CRITICAL', FULL, ALL, ['CISO', 'LEGAL'], 'WITHIN_72_HOURS'),
    seed('CRITICAL', FULL, ALL, ['CISO', 'LEGAL'], 'IMMEDIATE'),
  ],
};

function seed(
  severity: Severity,
  requiredAction: string,
  actions: readonly ActionType[],
  approvers: readonly Role[],
  regulatoryTrigger: RegulatoryTrigger,
): Column {
  return { severity, requiredAction, actions, approvers, regulatoryTrigger, source: 'seed' };
}

function ours(...[severity, action, actions, approvers, trigger]: Parameters<typeof seed>): Column {
  return { ...seed(severity, action, actions, approvers, trigger), source: 'ours' };
}

/** In force before anybody has set another one. */
export const DEFAULT_MATRIX: DecisionMatrix = {
  confidenceBounds: { medium: 40, high: 70, confirmed: 90 },
  impactOfData: {
    none: 'LOW',
    internal: 'LOW',
    confidential: 'MEDIUM',
    secrets: 'HIGH',
    pii: 'HIGH',
    payment: 'HIGH',
    phi: 'CRITICAL',
  },
  provisionalTtlMs: PROVISIONAL_TTL_MS,
  gates: 'KNOWN_IMPACT',
  cells: (['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const).flatMap((impact) =>
    CONFIDENCES.map((confidence, index): MatrixCell => {
      const { reversibly, ...column } = ROWS[impact][index as 0 | 1 | 2 | 3]; // there are four confidences
      return { impact, confidence, ...column, containReversiblyAndAsk: reversibly === true };
    }),
  ),
};

/** The word for a confidence of 0 to 100 points. */
export function confidenceOf({ confidenceBounds }: DecisionMatrix, points: number): Confidence {
  const { medium, high, confirmed } = confidenceBounds;
  if (points >= confirmed) return 'CONFIRMED';
  if (points >= high) return 'HIGH';
  return points >= medium ? 'MEDIUM' : 'LOW';
}

/** The cell of an impact and a confidence. @throws Error for a matrix without it: `readMatrix` makes none. */
export function cellOf({ cells }: DecisionMatrix, impact: Severity, confidence: Confidence): MatrixCell {
  const cell = cells.find((each) => each.impact === impact && each.confidence === confidence);
  if (cell === undefined) throw new Error(`invariant broken: the matrix has no cell ${impact}/${confidence}`);
  return cell;
}

/** How people call a cell. */
export function cellName({ impact, confidence }: Pick<MatrixCell, 'impact' | 'confidence'>): string {
  return `${impact}/${confidence}`;
}
