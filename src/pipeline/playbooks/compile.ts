import type { Json } from '../../platform/canonical-json.ts';
import type { Fault } from '../../platform/errors.ts';
import type { ActionDeclaration, JsonObject } from '../actions/contract.ts';
import { DETECTED_TYPES } from '../detections/rule-defaults.ts';
import { parseRule } from '../detections/rules.ts';
import type { ActionType } from '../vocabulary.ts';
import { checkCondition } from './conditions.ts';
import type { Playbook, PlaybookAction, PlaybookRule } from './playbook.ts';
import type { NameScope } from './scope.ts';
import { checkTemplate, holdsTemplate } from './templates.ts';

/** A playbook whose every expression, template, parameter and action was found good; `bindPlan` makes plans of it. */
export interface CompiledPlaybook {
  readonly playbook: Playbook;
  /** In the order of the document. */
  readonly actions: readonly CompiledAction[];
}

export interface CompiledAction {
  readonly action: PlaybookAction;
  readonly declaration: ActionDeclaration;
}

export interface Compilation {
  /** Null when there is any fault. */
  readonly compiled: CompiledPlaybook | null;
  readonly faults: readonly Fault[];
  /** What is allowed but should be known; answered with the saved playbook. */
  readonly warnings: readonly Fault[];
}

/** What the named connector, or the first one, offers for an action type; null when none does. */
export type DeclarationOf = (type: ActionType, connector?: string) => ActionDeclaration | null;

/** The faults of an action's parameters; pointers start at the parameters. */
export type ParameterFaults = (type: ActionType, parameters: JsonObject, connector?: string) => readonly Fault[];

/** Judges the conditions of a rule; `pointer` is where the rule stands. */
export type RuleConditions = (rule: PlaybookRule, pointer: string) => readonly Fault[];

/** Telling people and keeping evidence cannot be taken back, but it harms nobody: it runs without approval. */
export const NOTIFICATION_TYPES: ReadonlySet<ActionType> = new Set([
  'USER_NOTIFICATION',
  'ANALYST_ESCALATION',
  'NOTIFY_CISO_AND_LEGAL',
  'NOTIFY_REGULATORY_CONTACT',
  'NOTIFY_SOC',
  'NOTIFY_IR_LEAD',
  'PR_PREP',
  'LEGAL_HOLD',
  'PRESERVE_ARTIFACTS',
]);

/**
 * Judges what a playbook means: every action is offered by a connector, parameters fit it, conditions and templates
 * name only what is known where they stand, and nothing promises what the connector cannot do. Never throws for a
 * playbook from `toPlaybook`; lists all faults and warnings with pointers into the document.
 */
export function compilePlaybook(
  playbook: Playbook,
  declarationOf: DeclarationOf,
  parameterFaults: ParameterFaults,
  ruleConditions: RuleConditions = detectorFaults,
): Compilation {
  const report: Report = { faults: [], warnings: [] };
  checkRules(playbook, ruleConditions, report);
  const actions: CompiledAction[] = [];
  for (const [index, action] of playbook.actions.entries()) {
    const pointer = `/actions/${index}`;
    checkExpressions(playbook, action, pointer, report);
    checkOnlyWhileGated(playbook, action, pointer, report);
    const declaration = declarationOf(action.actionType, action.connector);
    if (declaration === null) {
      report.faults.push(notOffered(action, pointer));
      continue;
    }
    actions.push({ action, declaration });
    report.faults.push(...checkParameters(action, pointer, parameterFaults));
    checkTarget(action, declaration, pointer, report);
    checkReversibility(action, declaration, pointer, report);
  }
  warnOfHalfUndo(actions, report);
  return { compiled: report.faults.length > 0 ? null : { playbook, actions }, ...report };
}

interface Report {
  readonly faults: Fault[];
  readonly warnings: Fault[];
}

function checkRules({ rules, playbookType }: Playbook, ruleConditions: RuleConditions, report: Report): void {
  if (rules.length === 0 && playbookType !== 'RUNBOOK' && playbookType !== 'CUSTOM') {
    report.warnings.push({ pointer: '/rules', detail: 'Without rules only a manual trigger starts this playbook.' });
  }
  report.faults.push(...rules.flatMap((rule, index) => ruleConditions(rule, `/rules/${index}`)));
}

/** As the detector of the rule judges them. Incidents of types without a detector come from alerts and people. */
function detectorFaults(rule: PlaybookRule, pointer: string): readonly Fault[] {
  if (!DETECTED_TYPES.some((type) => type === rule.ruleType)) return [];
  const parsed = parseRule(rule, pointer);
  return 'faults' in parsed ? parsed.faults : [];
}

/** Conditions and templates see the results of earlier stages only: those of the same stage may not be there yet. */
function checkExpressions(playbook: Playbook, action: PlaybookAction, pointer: string, report: Report): void {
  const earlier = playbook.actions.filter((other) => other.stage < action.stage && other.onlyWhileGated === undefined);
  const scope: NameScope = { results: earlier.map((other) => other.actionId), inputs: playbook.inputs };
  if (action.condition !== undefined) {
    report.faults.push(...checkCondition(action.condition, scope, `${pointer}/condition`));
  }
  if (action.target !== undefined) report.faults.push(...checkTemplate(action.target, scope, `${pointer}/target`));
  report.faults.push(...checkTemplate(action.parameters, scope, `${pointer}/parameters`));
}

/** A stand-in runs beside the action it stands in for, so it must not need approval more than that one. */
function checkOnlyWhileGated(playbook: Playbook, action: PlaybookAction, pointer: string, report: Report): void {
  const { onlyWhileGated } = action;
  if (onlyWhileGated === undefined) return;
  const other = playbook.actions.find((candidate) => candidate.actionId === onlyWhileGated);
  const fits =
    other !== undefined && other !== action && other.stage === action.stage && other.onlyWhileGated === undefined;
  if (fits) return;
  const detail = `It must name another action of stage ${action.stage} that always belongs to the plan.`;
  report.faults.push({ pointer: `${pointer}/onlyWhileGated`, detail });
}

function notOffered({ actionType, connector }: PlaybookAction, pointer: string): Fault {
  if (connector === undefined) {
    const detail = `No connector offers ${actionType}; configure one or remove the action.`;
    return { pointer: `${pointer}/actionType`, detail };
  }
  const detail = `The connector ${connector} does not offer ${actionType}; configure it, or leave the member out.`;
  return { pointer: `${pointer}/connector`, detail };
}

/** A text with a template has its value only later, so what the connector says about such a text does not count. */
function checkParameters(action: PlaybookAction, pointer: string, parameterFaults: ParameterFaults): readonly Fault[] {
  return parameterFaults(action.actionType, action.parameters, action.connector)
    .filter((fault) => !standsAtTemplate(action.parameters, fault.pointer))
    .map((fault) => ({ ...fault, pointer: `${pointer}/parameters${fault.pointer}` }));
}

function standsAtTemplate(parameters: JsonObject, pointer: string): boolean {
  let present: Json | undefined = parameters;
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof present !== 'object' || present === null || !Object.hasOwn(present, name)) return false;
    present = new Map<string, Json>(Object.entries(present)).get(name);
  }
  return typeof present === 'string' && holdsTemplate(present);
}

function checkTarget(action: PlaybookAction, declaration: ActionDeclaration, pointer: string, report: Report): void {
  const { targetType } = declaration;
  if (targetType === 'none' && action.target !== undefined) {
    const detail = `${action.actionType} is not done to anybody; its target is ignored.`;
    report.warnings.push({ pointer: `${pointer}/target`, detail });
  }
  if (action.forEach !== undefined && targetType !== 'user') {
    const detail = `forEach: accounts gives users, but ${action.actionType} is done to ${targetType}; remove forEach.`;
    report.faults.push({ pointer: `${pointer}/forEach`, detail });
  }
  if (action.forEach !== undefined && action.question !== undefined) {
    const detail = 'One question cannot be asked for each account; ask it in an action without forEach.';
    report.faults.push({ pointer: `${pointer}/question`, detail });
  }
}

function checkReversibility(
  action: PlaybookAction,
  { reversibility }: ActionDeclaration,
  pointer: string,
  report: Report,
): void {
  const { actionType } = action;
  if (action.ttlMs !== undefined && (reversibility === 'irreversible' || reversibility === 'selfRecoverable')) {
    const detail = `${actionType} leaves nothing that could be ended after a time; remove ttlMs.`;
    report.faults.push({ pointer: `${pointer}/ttlMs`, detail });
  }
  if (reversibility !== 'irreversible') return;
  if (action.approval?.fallbackBehavior === 'ALLOW_ACTION') {
    const detail = `${actionType} cannot be undone, so it is never allowed by silence; use DENY_ACTION or ESCALATE_TO_HUMAN.`;
    report.faults.push({ pointer: `${pointer}/approval/fallbackBehavior`, detail });
  }
  if (action.requiresApproval) return;
  const detail = NOTIFICATION_TYPES.has(actionType)
    ? `${actionType} cannot be taken back and runs without approval.`
    : `${actionType} cannot be undone, so a person is asked all the same; set requiresApproval to say by whom.`;
  report.warnings.push({ pointer, detail });
}

/** Rolling back cannot take back what an earlier or neighbouring action did for good. */
function warnOfHalfUndo(actions: readonly CompiledAction[], report: Report): void {
  for (const [index, { action }] of actions.entries()) {
    if (action.onFailure !== 'COMPENSATE') continue;
    const lasting = actions.filter(
      (other) =>
        other.declaration.reversibility === 'irreversible' &&
        !NOTIFICATION_TYPES.has(other.action.actionType) &&
        other.action.stage <= action.stage,
    );
    if (lasting.length === 0) continue;
    const detail = `A rollback cannot undo ${lasting.map((other) => other.action.actionId).join(', ')}.`;
    report.warnings.push({ pointer: `/actions/${index}/onFailure`, detail });
  }
}
