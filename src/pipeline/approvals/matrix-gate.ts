import { canonicalJson } from '../../platform/canonical-json.ts';
import type { ActionDeclaration } from '../actions/contract.ts';
import type { Decision } from '../incidents/decide.ts';
import type { PlanGate, PlanProvisional } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Role } from '../vocabulary.ts';
import { combineGates, type CombinedGate } from './gates.ts';

/** How long people have to answer a gate of the matrix, in ms: the seeds' approval timeout. */
const MATRIX_TIMEOUT_MS = 3_600_000;
/** Source of such a gate, where others name their policy. */
export const MATRIX_SOURCE = 'decision-matrix';
/** Who is asked where a cell contains first and names nobody. */
const ASKED_WHERE_NOBODY_IS_NAMED: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'];

/** What of a decision an execution is bound to; the same terms give the same plan. */
export type MatrixTerms = Pick<Decision, 'cell' | 'approvers' | 'rule' | 'provisionalTtlMs' | 'matrix'>;

/** Null: the decision binds nobody, so that policies and playbooks alone say who is asked. */
export function matrixTermsOf(decision: Decision | undefined): MatrixTerms | null {
  if (decision?.binding !== true) return null;
  const { cell, approvers, rule, provisionalTtlMs, matrix } = decision;
  return { cell, approvers, rule, provisionalTtlMs, matrix };
}

export interface UnderMatrix {
  readonly gates: readonly PlanGate[];
  /** Set where it runs before anybody is asked. */
  readonly provisional: PlanProvisional | null;
}

/**
 * The gates of an action with those of the matrix. Only what contains is concerned. Where the rule of low confidence
 * holds, what the engine takes back by itself runs at once for a time; everything else that contains asks. Gates that people
 * have set stand above the rule. Pure.
 */
export function underMatrix(
  gates: readonly PlanGate[],
  { contains, reversibility }: Pick<ActionDeclaration, 'contains' | 'reversibility'>,
  terms: MatrixTerms | null,
): UnderMatrix {
  if (terms === null || !contains) return { gates, provisional: null };
  const { cell, approvers, rule, provisionalTtlMs, matrix } = terms;
  const isFirst = rule === 'containReversiblyAndAsk';
  const asked = approvers.length === 0 && isFirst ? ASKED_WHERE_NOBODY_IS_NAMED : approvers;
  const endsByItself = reversibility === 'undo' || reversibility === 'expires';
  if (isFirst && endsByItself && gates.length === 0) {
    const provisional = { cell, matrixVersion: matrix.version, roles: [...asked].sort(), ttlMs: provisionalTtlMs };
    return { gates, provisional };
  }
  if (asked.length === 0) return { gates, provisional: null };
  // One of each role that the cell names; where it names none, one of either.
  return { gates: withGate(gates, matrixGate(terms, asked, approvers.length || 1)), provisional: null };
}

/** The gate unless others ask for as much: then nobody is asked twice for the same. */
function withGate(gates: readonly PlanGate[], gate: PlanGate): readonly PlanGate[] {
  if (gates.some((other) => isAsStrong(other, gate))) return gates;
  if (gates.length === 0) return [gate];
  // Places of several gates may become one place; as many people as before are needed all the same.
  const { requiredApprovers } = combineGates(gates);
  return [...gates, { ...gate, requiredApprovers: Math.max(gate.requiredApprovers, requiredApprovers) }];
}

/** Whether whoever fulfils `other` alone fulfils `gate`, and nothing answers in place of people. */
function isAsStrong(other: PlanGate, gate: PlanGate): boolean {
  const { automatic, exemptions, external, fallbackBehavior } = other;
  if (automatic !== undefined || exemptions !== undefined || external !== undefined) return false;
  if (fallbackBehavior === 'ALLOW_ACTION') return false;
  const [alone, together] = [combineGates([other]), combineGates([other, gate])];
  return alone.requiredApprovers >= together.requiredApprovers && placesIn(alone) === placesIn(together);
}

/** In an order that does not come from the gates. */
function placesIn({ requirements }: CombinedGate): string {
  return requirements
    .map((each) => canonicalJson(each))
    .sort()
    .join('\n');
}

function matrixGate({ cell, matrix }: MatrixTerms, roles: readonly Role[], requiredApprovers: number): PlanGate {
  return {
    source: MATRIX_SOURCE,
    version: matrix.version,
    gateName: cell,
    requirements: requirementsOf(roles, requiredApprovers),
    requiredApprovers,
    timeoutMs: MATRIX_TIMEOUT_MS,
    fallbackBehavior: 'ESCALATE_TO_HUMAN',
    escalationPath: [],
    riskLevels: [],
  };
}
