import type { Json } from '../../../platform/canonical-json.ts';
import type { Fault } from '../../../platform/errors.ts';
import { memberPointer } from '../../../platform/json-pointer.ts';
import type { JsonObject } from '../../actions/contract.ts';
import { NOTIFICATION_TYPES } from '../../playbooks/compile.ts';
import type { ActionType } from '../../vocabulary.ts';
import type { CompiledSeverity } from '../compile-runbook.ts';
import { eventFieldsOf } from '../event-fields.ts';
import { COPYING_ACTIONS, KNOWN_ACTIONS } from '../known-actions.ts';
import type { Runbook, RunbookStep } from '../runbook.ts';
import { conditionFindings, templateFindings, type Expressions } from './expressions.ts';
import { artifactFindings } from './lint-artifacts.ts';
import { reachFindings } from './lint-reach.ts';
import { nearestWord } from './nearest-word.ts';
import type { Finding } from './problem.ts';
import { isSecretMember } from './secrets.ts';
import type { TextEdit } from './text-edit.ts';
import type { Writer } from './writer.ts';

/** What is known of the place where a runbook will run, without asking it. */
export interface Surroundings {
  /** Names of the connectors. */
  readonly connectors: readonly string[];
  /**
   * Faults of parameters at the named connector, or at whichever is most content; none where no connector at hand knows the action.
   * Pointers start at the parameters.
   */
  readonly parameterFaults: (type: ActionType, parameters: JsonObject, connector?: string) => readonly Fault[];
}

/** Everything about the steps of one severity. */
export function stepFindings(
  runbook: Runbook,
  { document, origins }: CompiledSeverity,
  writer: Writer,
  surroundings: Surroundings,
): readonly Finding[] {
  const fields = eventFieldsOf(runbook.metadata.sources);
  return origins.flatMap(({ step, preserves }, index): readonly Finding[] => {
    if (preserves) return [];
    const stage = document.actions[index]?.stage ?? 1;
    const earlier = document.actions.filter((action) => (action.stage ?? 1) < stage);
    const scope = { results: earlier.map(({ actionId }) => actionId), inputs: runbook.metadata.inputs };
    const known: Expressions = { scope, fields, writer };
    return [
      ...expressionFindings(step, known),
      ...reachFindings(step, { document, origins }, writer),
      ...approvalFindings(step, writer),
      ...rollbackFindings(step, writer),
      ...artifactFindings(step, known),
      ...connectorFindings(step, writer, surroundings),
      ...parameterFindings(step, runbook, document.actions[index]?.parameters ?? {}, surroundings),
    ];
  });
}

function expressionFindings(step: RunbookStep, known: Expressions): readonly Finding[] {
  const { pointer, target, artifactHost, condition, parameters, word } = step;
  return [
    ...(target === undefined ? [] : templateFindings(target, `${pointer}/target`, known, word)),
    ...(artifactHost === undefined ? [] : templateFindings(artifactHost, `${pointer}/artifact_host`, known, word)),
    ...textsIn(parameters, `${pointer}/parameters`).flatMap(([at, text]) => templateFindings(text, at, known, word)),
    ...(condition === undefined ? [] : conditionFindings(condition, `${pointer}/condition`, known)),
  ];
}

function textsIn(value: Json, pointer: string): readonly (readonly [string, string])[] {
  if (typeof value === 'string') return [[pointer, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsIn(member, memberPointer(pointer, name)));
}

function approvalFindings(step: RunbookStep, writer: Writer): readonly Finding[] {
  const { action, pointer, word, requiresApproval, approvers, requiredApprovers, approvalTimeoutMinutes } = step;
  const says = approvers !== undefined || requiredApprovers !== undefined || approvalTimeoutMinutes !== undefined;
  const isLasting = KNOWN_ACTIONS[action].reversibility === 'irreversible' || COPYING_ACTIONS.has(action);
  if (!isLasting || NOTIFICATION_TYPES.has(action)) return [];
  if (requiresApproval ?? says) return [];
  const written = requiresApproval === false;
  const member = `${pointer}/requires_approval`;
  const edit = written ? writer.replaceValue(member, true) : writer.addMember(pointer, 'requires_approval', true);
  return [
    {
      rule: 'irreversible-without-approval',
      pointer: written ? member : pointer,
      message: `${word} cannot be undone and is not approved by anybody`,
      fix: 'Set requires_approval to true.',
      repairs: repairs(edit),
    },
  ];
}

function rollbackFindings(step: RunbookStep, writer: Writer): readonly Finding[] {
  const { action, pointer, word, rollback, ttlMinutes } = step;
  const { contains, inverses } = KNOWN_ACTIONS[action];
  const [usual] = inverses;
  if (!contains || usual === undefined || rollback !== undefined || ttlMinutes !== undefined) return [];
  return [
    {
      rule: 'containment-without-rollback',
      pointer: `${pointer}/action`,
      message: `${word} contains, and nothing says how it is taken back`,
      fix: `Add rollback: "${usual}", or ttl_minutes.`,
      repairs: repairs(writer.addMember(pointer, 'rollback', usual)),
    },
  ];
}

function connectorFindings(step: RunbookStep, writer: Writer, { connectors }: Surroundings): readonly Finding[] {
  const { connector, pointer } = step;
  if (connector === undefined || connectors.includes(connector)) return [];
  const nearest = nearestWord(connector, connectors);
  return [
    {
      rule: 'unknown-connector',
      pointer: `${pointer}/connector`,
      message: `${connector} is not a known connector; known are ${connectors.join(', ')}`,
      fix: nearest === null ? 'Name one of them, or tell validate of it by --connectors.' : `Write ${nearest}.`,
      repairs: nearest === null ? [] : repairs(writer.replaceValue(`${pointer}/connector`, nearest)),
    },
  ];
}

function parameterFindings(
  step: RunbookStep,
  runbook: Runbook,
  compiled: JsonObject,
  { parameterFaults }: Surroundings,
): readonly Finding[] {
  const secrets = membersIn(step.parameters, `${step.pointer}/parameters`).filter(([, name, value]) =>
    isSecretMember(name, value),
  );
  const found = secrets.map(([pointer, name]): Finding => ({
    rule: 'secret',
    pointer,
    message: `${name} holds a secret in clear`,
    fix: 'Take it out of the file, put it into the configuration of the connector, and change it: it was written down.',
  }));
  const faults = parameterFaults(step.action, compiled, step.connector).filter(({ pointer }) => {
    const value = valueAt(compiled, pointer);
    return !(typeof value === 'string' && value.includes('{{'));
  });
  return [
    ...found,
    ...faults.map(({ pointer, detail }): Finding => ({
      rule: 'parameters',
      pointer:
        runbook.places.key(`${step.pointer}/parameters${pointer}`) === null
          ? `${step.pointer}/action`
          : `${step.pointer}/parameters${pointer}`,
      message: `${pointer.slice(1) || 'parameters'}: ${detail.replace(/\.$/, '')}`,
      fix: `See the parameters of ${step.word}.`,
    })),
  ];
}

function membersIn(value: Json, pointer: string): readonly (readonly [string, string, Json])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, Json]) => {
    const inner = memberPointer(pointer, name);
    return [[inner, name, member] as const, ...membersIn(member, inner)];
  });
}

function valueAt(root: Json, pointer: string): Json | undefined {
  let present: Json | undefined = root;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof present !== 'object' || present === null) return undefined;
    present = new Map<string, Json>(Object.entries(present)).get(part.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return present;
}

function repairs(edit: TextEdit | null): readonly (readonly TextEdit[])[] {
  return edit === null ? [] : [[edit]];
}
