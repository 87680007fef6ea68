import type { Json } from '../../../platform/canonical-json.ts';
import { checkCondition, evaluateCondition } from '../../playbooks/conditions.ts';
import { INCIDENT_MEMBERS, RESULT_MEMBERS, ROOTS, USER_MEMBERS, type NameScope } from '../../playbooks/scope.ts';
import { checkTemplate } from '../../playbooks/templates.ts';
import type { EventFields } from '../event-fields.ts';
import { nearestWord } from './nearest-word.ts';
import type { Finding } from './problem.ts';
import { usualTarget, type Repairs } from './repairs.ts';
import type { Writer } from './writer.ts';

/** Where an expression stands, and what is known there. */
export interface Expressions {
  readonly scope: NameScope;
  readonly fields: EventFields;
  readonly writer: Writer;
}

/** Faults of a template, and event fields in it that the sources do not have. */
export function templateFindings(
  text: string,
  pointer: string,
  known: Expressions,
  action: string,
): readonly Finding[] {
  const faults = checkTemplate(text, known.scope);
  const [fault] = faults;
  if (fault === undefined) return fieldFindings(text, pointer, known);
  const rule = ruleOf(fault.detail);
  const usual = pointer.endsWith('/target') ? usualTarget(action) : null;
  const better = rule === 'template' ? closed(text) : rule === 'unknown-name' ? renamed(text, known) : [];
  const candidates = [...better, ...(usual === null ? [] : [usual])];
  const good = candidates.filter((each) => checkTemplate(each, known.scope).length === 0);
  return [{ rule, pointer, message: fault.detail, fix: fixOf(rule), repairs: replacing(good, pointer, known.writer) }];
}

function ruleOf(detail: string): 'forbidden-path' | 'unknown-name' | 'template' {
  if (/cannot be read|secret:\/\//.test(detail)) return 'forbidden-path';
  return /is not known here|has no such member|must be a path from one of/.test(detail) ? 'unknown-name' : 'template';
}

function fixOf(rule: 'forbidden-path' | 'unknown-name' | 'template'): string {
  if (rule === 'forbidden-path') return 'Read a field of the event or the incident instead.';
  if (rule === 'unknown-name') return 'Correct the name.';
  return 'Write a path in double braces, for example {{event.host_id}}.';
}

function replacing(texts: readonly string[], pointer: string, writer: Writer): Repairs {
  return texts.flatMap((text) => {
    const edit = writer.replaceValue(pointer, text);
    return edit === null ? [] : [[edit]];
  });
}

/** A template that was begun or ended carelessly. */
function closed(text: string): readonly string[] {
  const inner = /^[{\s]*([A-Za-z_][\w.[\]]*?)\.?[}\s]*$/.exec(text)?.[1];
  return inner === undefined ? [] : [`{{${inner}}}`];
}

/** The text with every name that is not known replaced by the nearest one that is. */
function renamed(text: string, { scope, fields }: Expressions): readonly string[] {
  const replaced = text.replaceAll(/\b([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)/g, (path, root: string, rest: string) => {
    const known = ROOTS.find((each) => each === root) ?? nearestWord(root, ROOTS);
    if (known === null) return path;
    const [first, ...more] = rest.split('.').slice(1);
    if (first === undefined) return path;
    const members = membersBelow(known, scope, fields);
    const member = members.includes(first) ? first : (nearestWord(first, members) ?? first);
    const deeper = known === 'results' ? more.map((each) => near(each, Object.keys(RESULT_MEMBERS))) : more;
    const subject =
      known === 'incident' && member === 'subject' ? more.map((each) => near(each, ['type', 'id'])) : deeper;
    return [known, member, ...subject].join('.');
  });
  return replaced === text ? [] : [replaced];
}

function near(word: string, known: readonly string[]): string {
  return known.includes(word) ? word : (nearestWord(word, known) ?? word);
}

function membersBelow(root: (typeof ROOTS)[number], scope: NameScope, fields: EventFields): readonly string[] {
  if (root === 'incident') return Object.keys(INCIDENT_MEMBERS);
  if (root === 'user') return Object.keys(USER_MEMBERS);
  if (root === 'results') return scope.results;
  return root === 'context' ? scope.inputs : [...fields.known];
}

/** Fields of the event that no declared source has. Only in braces, or anywhere in a condition. */
export function fieldFindings(
  text: string,
  pointer: string,
  known: Expressions,
  condition = false,
): readonly Finding[] {
  const code = condition
    ? text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
    : [...text.matchAll(/\{\{([^{}]*)\}\}/g)].map(({ 1: path = '' }) => path).join(' ');
  const names = [...code.matchAll(/\bevent\.([A-Za-z_]\w*)/g)].map(({ 1: name = '' }) => name);
  const { fields, writer } = known;
  return [...new Set(names)].flatMap((name): readonly Finding[] => {
    if (fields.known.has(name)) return [];
    const word = nearestWord(name, fields.known);
    const meant = word === null ? '' : `; ${word} is`;
    const open = fields.open ? ', unless the sender adds it' : '';
    return [
      {
        rule: 'unknown-event-field',
        severity: fields.open && word === null ? 'warning' : 'error',
        pointer,
        message: `event.${name} is no field of events of the declared sources${meant || open}`,
        fix:
          word === null ? 'Name a field of the event, or declare the sources in metadata.sources.' : `Write ${word}.`,
        repairs: word === null ? [] : replacing([text.replaceAll(`event.${name}`, `event.${word}`)], pointer, writer),
      },
    ];
  });
}

/** Faults of a condition, fields that the sources do not have, and a truth that is fixed. */
export function conditionFindings(text: string, pointer: string, known: Expressions): readonly Finding[] {
  const [fault] = checkCondition(text, known.scope, pointer);
  if (fault !== undefined) {
    const good = [
      ...rewritten(text),
      ...rewritten(text).flatMap((each) => renamed(each, known)),
      ...renamed(text, known),
    ];
    const checked = good.filter((each) => checkCondition(each, known.scope).length === 0);
    const message = fault.detail.replace(/\.$/, '');
    const fix = 'Write a comparison of known names, for example incident.confidence >= 70.';
    return [
      { rule: 'condition', pointer, message, fix, repairs: replacing([...new Set(checked)], pointer, known.writer) },
    ];
  }
  return [...fieldFindings(text, pointer, known, true), ...fixedTruth(text, pointer)];
}

/** The words and signs of other languages. */
function rewritten(text: string): readonly string[] {
  const better = text
    .replaceAll(/(?<![=!<>])=(?!=)/g, '==')
    .replaceAll(/={3,}/g, '==')
    .replaceAll('<>', '!=')
    .replaceAll(/\bAND\b|\band\b/g, '&&')
    .replaceAll(/\bOR\b|\bor\b/g, '||')
    .replaceAll(/\bNOT\b|\bnot\b/g, '!')
    .replace(/^\{\{|\}\}$/g, '');
  const quoted = better.replace(/((?:==|!=)\s*)([A-Z][A-Z_]*)$/, '$1"$2"');
  const numeric = better.replaceAll(/((?:[=!]=|[<>]=?)\s*)"(\d+)"/g, '$1$2');
  const open = (better.match(/\(/g) ?? []).length - (better.match(/\)/g) ?? []).length;
  const balanced = open > 0 && open < 10 ? [`${better}${')'.repeat(open)}`] : [];
  const unquoted = (better.match(/"/g) ?? []).length % 2 === 1 ? [`${better}"`] : [];
  return [...new Set([better, quoted, numeric, ...balanced, ...unquoted])].filter((each) => each !== text);
}

function fixedTruth(text: string, pointer: string): readonly Finding[] {
  if (ROOTS.some((root) => new RegExp(`\\b${root}\\b`).test(text))) return [];
  const empty: Record<string, Json> = {};
  const result = evaluateCondition(text, { incident: empty, event: null, results: empty, context: empty, user: null });
  if (!('value' in result) || result.value) return [];
  const message = 'The condition is never true, so the step never runs';
  return [
    { rule: 'unreachable-step', pointer, message, fix: 'Compare with something that may differ, or remove the step.' },
  ];
}
