import { contentHash } from '../../platform/hash.ts';
import type { Subject } from '../events/event.ts';
import type { Asset, AssetType } from '../inventory/asset.ts';
import { NO_INVENTORY, type InventoryIndex } from '../inventory/inventory-index.ts';
import { severityRank, type ActionType, type Role, type Severity } from '../vocabulary.ts';
import {
  cellName,
  cellOf,
  confidenceOf,
  DEFAULT_MATRIX,
  type Confidence,
  type DecisionMatrix,
  type MatrixCell,
  type RegulatoryTrigger,
} from './decision-matrix.ts';

/** Assets that a decision names, the gravest ones; the rest is counted. */
const MAX_NAMED_ASSETS = 10;
/** What is assumed of whatever nobody has listed. */
export const ASSUMED_IMPACT: Severity = 'MEDIUM';

/** A matrix as it is in force. */
export interface MatrixInForce {
  /** 0: the default, which nobody has changed. */
  readonly version: number;
  readonly hash: string;
  readonly document: DecisionMatrix;
}

export function matrixInForce(document: DecisionMatrix, version: number): MatrixInForce {
  return { version, hash: contentHash(document), document };
}

/** A host or a segment that the evidence names. */
export interface System {
  readonly type: 'host' | 'segment';
  readonly id: string;
}

/** What an incident is about, as far as the decision looks at it. */
export interface DecisionFacts {
  readonly subject: Subject;
  readonly accounts: readonly string[];
  readonly systems: readonly System[];
  /** 0 to 100. */
  readonly confidence: number;
}

/** Why an impact is what it is. */
export interface NamedAsset {
  readonly type: AssetType;
  readonly id: string;
  readonly as: 'subject' | 'account' | 'system';
  readonly impact: Severity;
  readonly criticality: Severity;
  readonly environment: string | null;
  readonly dataClasses: readonly string[];
  readonly vendors: readonly string[];
}

/** What the matrix says to an incident, with all it was read from: part of the incident's record. Plain data. */
export interface Decision {
  readonly impact: Severity;
  /** `assumed`: nothing of it is in the inventory. `earlier`: it was judged before there was one. */
  readonly impactFrom: 'inventory' | 'assumed' | 'earlier';
  readonly assets: readonly NamedAsset[];
  readonly assetsLeftOut: number;
  readonly confidence: number;
  readonly confidenceLevel: Confidence;
  /** As people call it, for example `HIGH/LOW`: impact and confidence. */
  readonly cell: string;
  /** Of the cell. The incident is graver where one of its findings is. */
  readonly severity: Severity;
  readonly requiredAction: string;
  readonly recommendedActions: readonly ActionType[];
  readonly approvers: readonly Role[];
  readonly regulatoryTrigger: RegulatoryTrigger;
  readonly rule: 'containReversiblyAndAsk' | null;
  readonly provisionalTtlMs: number;
  /** Whether executions ask the approvers, and follow the rule. */
  readonly binding: boolean;
  readonly source: MatrixCell['source'];
  /** One or two sentences with the numbers. */
  readonly because: string;
  readonly matrix: { readonly version: number; readonly hash: string };
  /** Null: there is none. */
  readonly inventory: { readonly version: number; readonly hash: string } | null;
}

/** What was decided before, which only becomes graver. `floor`: an impact that somebody set without a decision. */
export interface Earlier {
  readonly decision: Decision | null;
  readonly floor: Severity | null;
}

/** Decides about an incident as it stands. Pure: the same facts give the same decision. */
export type Decide = (facts: DecisionFacts, earlier: Earlier) => Decision;

/** The decisions of one matrix and one inventory. */
export function decideBy({ version, hash, document: matrix }: MatrixInForce, inventory: InventoryIndex): Decide {
  return (facts, earlier) => {
    const judged = upwards(judgeImpact(facts, matrix, inventory), earlier);
    const { impact, impactFrom, assets, assetsLeftOut } = judged;
    const { confidence } = facts;
    const confidenceLevel = confidenceOf(matrix, confidence);
    const cell = cellOf(matrix, impact, confidenceLevel);
    const { severity, requiredAction, actions, approvers, regulatoryTrigger, containReversiblyAndAsk, source } = cell;
    return {
      impact,
      impactFrom,
      assets,
      assetsLeftOut,
      confidence,
      confidenceLevel,
      cell: cellName(cell),
      severity,
      requiredAction,
      recommendedActions: actions,
      approvers,
      regulatoryTrigger,
      rule: containReversiblyAndAsk ? 'containReversiblyAndAsk' : null,
      provisionalTtlMs: matrix.provisionalTtlMs,
      binding: matrix.gates === 'ALWAYS' || (matrix.gates === 'KNOWN_IMPACT' && impactFrom === 'inventory'),
      source,
      because: `${whyImpact(judged)} A confidence of ${confidence} is ${confidenceLevel}. So the matrix says ${severity}.`,
      matrix: { version, hash },
      inventory: inventory.version === 0 ? null : { version: inventory.version, hash: inventory.hash },
    };
  };
}

/** The decisions of an installation that has set nothing. */
export const DECIDE_BY_DEFAULT: Decide = decideBy(matrixInForce(DEFAULT_MATRIX, 0), NO_INVENTORY);

type Impact = Pick<Decision, 'impact' | 'impactFrom' | 'assets' | 'assetsLeftOut'>;

function judgeImpact(facts: DecisionFacts, matrix: DecisionMatrix, inventory: InventoryIndex): Impact {
  const looked = lookedUp(facts, inventory);
  const known = looked.flatMap(({ asset, as }) => (asset === null ? [] : [namedAsset(asset, as, matrix)]));
  const named = [...new Map(known.map((each) => [`${each.type}:${each.id}`, each])).values()].sort(gravestFirst);
  const [worst] = named;
  // Somebody from outside is nobody's asset: what they attack counts.
  const isUnknown = looked.some(
    ({ asset, as }) => asset === null && !(as === 'subject' && facts.subject.type === 'ip' && looked.length > 1),
  );
  const isAssumed = worst === undefined || (isUnknown && severityRank(worst.impact) < severityRank(ASSUMED_IMPACT));
  return {
    impact: isAssumed ? ASSUMED_IMPACT : worst.impact,
    impactFrom: isAssumed ? 'assumed' : 'inventory',
    assets: named.slice(0, MAX_NAMED_ASSETS),
    assetsLeftOut: Math.max(0, named.length - MAX_NAMED_ASSETS),
  };
}

interface LookedUp {
  readonly asset: Asset | null;
  readonly as: NamedAsset['as'];
}

/** The subject first: what is two things at once is named as that. */
function lookedUp({ subject, accounts, systems }: DecisionFacts, inventory: InventoryIndex): readonly LookedUp[] {
  const others = [
    ...accounts.filter((id) => subject.type !== 'user' || id !== subject.id).map((id) => ['user', id] as const),
    ...systems
      .filter(({ type, id }) => type !== subject.type || id !== subject.id)
      .map(({ type, id }) => [type, id] as const),
  ];
  return [
    ...others.map(([type, id]): LookedUp => {
      const asset = inventory.find(type, id);
      return { asset, as: type === 'user' ? 'account' : 'system' };
    }),
    { asset: inventory.find(subject.type, subject.id), as: 'subject' },
  ];
}

function namedAsset(asset: Asset, as: NamedAsset['as'], matrix: DecisionMatrix): NamedAsset {
  const { type, id, criticality, environment, dataClasses, vendors } = asset;
  return { type, id, as, impact: impactOf(asset, matrix), criticality, environment, dataClasses, vendors };
}

/** The worst of how much an asset matters and what it holds. */
export function impactOf({ criticality, dataClasses }: Asset, { impactOfData }: DecisionMatrix): Severity {
  return dataClasses
    .map((name) => impactOfData[name])
    .reduce((worst, next) => (severityRank(next) > severityRank(worst) ? next : worst), criticality);
}

function gravestFirst(left: NamedAsset, right: NamedAsset): number {
  const order = severityRank(right.impact) - severityRank(left.impact);
  const [one, other] = [`${left.type}:${left.id}`, `${right.type}:${right.id}`];
  return order || (one < other ? -1 : one > other ? 1 : 0);
}

/** Growth may only make it graver: what was known to matter does not cease to because somebody changed a list. */
function upwards(judged: Impact, { decision, floor }: Earlier): Impact {
  if (decision !== null && severityRank(decision.impact) > severityRank(judged.impact)) return decision;
  const isKnownLonger = decision?.impact === judged.impact && decision.impactFrom === 'inventory';
  if (decision !== null && isKnownLonger && judged.impactFrom === 'assumed') return decision;
  if (floor !== null && severityRank(floor) > severityRank(judged.impact))
    return { ...judged, impact: floor, impactFrom: 'earlier' };
  return judged;
}

function whyImpact({ impact, impactFrom, assets: [worst] }: Impact): string {
  if (impactFrom === 'earlier') return `The impact is ${impact}, as it was judged before.`;
  if (impactFrom === 'assumed' || worst === undefined)
    return `The impact is ${impact}, as is assumed of what the inventory does not list.`;
  const { type, id, as, criticality, dataClasses } = worst;
  const holds = dataClasses.length === 0 ? '' : ` and holds ${dataClasses.join(', ')}`;
  return `The impact is ${impact}: the ${as} ${type} ${id} is of ${criticality} criticality${holds}.`;
}
