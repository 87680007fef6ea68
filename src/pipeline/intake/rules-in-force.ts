import { contentHash, derivedId } from '../../platform/hash.ts';
import { DEFAULT_RULES, parseRule } from '../detections/rules.ts';
import type { Rule } from '../detections/detector.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { severityRank, type Severity } from '../vocabulary.ts';

/** What is looked for now, and which playbooks answer to what is found. */
export interface RulesInForce {
  readonly rules: readonly Rule[];
  /** Playbooks that start when a finding of the rule stands, gravest first. */
  playbooksFor(ruleId: string): readonly ActivePlaybook[];
  /** Those that runbooks map an alert of this severity to; null when there is no runbook at all. */
  runbooksFor(severity: Severity): readonly ActivePlaybook[] | null;
}

/**
 * The rules of all enabled playbooks. Playbooks that ask for exactly the same share one rule, so that one attack is
 * one finding. Kinds of attack that no playbook looks for are still looked for with the default rule, so that they
 * open an incident for a person.
 */
export function rulesInForce(playbooks: readonly ActivePlaybook[]): RulesInForce {
  const known = DERIVED.get(playbooks);
  if (known !== undefined) return known;
  const derived = deriveRules(playbooks);
  DERIVED.set(playbooks, derived);
  return derived;
}

/** By the list of playbooks, which is the same object until one changes: batches come by the dozen in a second. */
const DERIVED = new WeakMap<readonly ActivePlaybook[], RulesInForce>();

function deriveRules(playbooks: readonly ActivePlaybook[]): RulesInForce {
  const rules = new Map<string, Rule>();
  const answering = new Map<string, ActivePlaybook[]>();
  const byContent = new Map<string, string>();
  for (const playbook of [...playbooks].sort(byId)) {
    for (const rule of playbook.compiled.playbook.rules) {
      // Named after the first playbook that asks, not after the thresholds: changing one keeps the history it learnt.
      const parsed = parseRule({ ...rule, ruleId: nameOf(playbook.playbookId, rule.ruleId) });
      if (!('rule' in parsed)) continue; // Rule types without a detector start by hand only.
      const content = contentHash([parsed.rule.ruleType, parsed.rule.conditions]);
      const ruleId = byContent.get(content) ?? parsed.rule.ruleId;
      byContent.set(content, ruleId);
      if (ruleId === parsed.rule.ruleId) rules.set(ruleId, parsed.rule);
      answering.set(ruleId, [...(answering.get(ruleId) ?? []), playbook]);
    }
  }
  const covered = new Set([...rules.values()].map(kindOf));
  for (const rule of DEFAULT_RULES) if (!covered.has(kindOf(rule))) rules.set(rule.ruleId, rule);
  const ofRunbooks = playbooks.filter(({ runbookId }) => runbookId !== undefined).sort(byId);
  return {
    runbooksFor: (severity) =>
      ofRunbooks.length === 0 ? null : ofRunbooks.filter(({ compiled }) => compiled.playbook.severity === severity),
    rules: [...rules.values()],
    playbooksFor: (ruleId) => [...(answering.get(ruleId) ?? [])].sort(gravestFirst),
  };
}

/** Longest id of a rule, in UTF-16 units: it is part of keys. */
const MAX_RULE_ID = 128;
/** What is left of an id beside the dot and the 30 units that tell it apart. */
const MAX_READABLE = MAX_RULE_ID - 31;

/** The id of a playbook's rule among those of all playbooks: both ids may have dots, and together be too long. */
function nameOf(playbookId: string, ruleId: string): string {
  const plain = `${playbookId}.${ruleId}`;
  if (!ruleId.includes('.') && plain.length <= MAX_RULE_ID) return plain;
  return `${plain.slice(0, MAX_READABLE)}.${derivedId('rul', playbookId, ruleId)}`;
}

function kindOf({ ruleType, conditions }: Rule): string {
  return `${ruleType} ${String(conditions['shape'] ?? '')}`;
}

function byId(left: ActivePlaybook, right: ActivePlaybook): number {
  return left.playbookId < right.playbookId ? -1 : 1;
}

function gravestFirst(left: ActivePlaybook, right: ActivePlaybook): number {
  const rank = ({ compiled }: ActivePlaybook): number => severityRank(compiled.playbook.severity);
  return rank(right) - rank(left) || byId(left, right);
}
