import type { ActionDeclaration } from '../../actions/contract.ts';
import { compilePlaybook } from '../../playbooks/compile.ts';
import {
  readPlaced,
  type PlacedDocument,
  type PlacedFault,
  type Place,
  type Places,
} from '../../playbooks/placed-document.ts';
import { toPlaybook } from '../../playbooks/playbook.ts';
import type { ActionType } from '../../vocabulary.ts';
import { compileRunbook } from '../compile-runbook.ts';
import { KNOWN_ACTIONS } from '../known-actions.ts';
import { readRunbook, type Runbook } from '../runbook.ts';
import { regimeFindings } from './lint-regimes.ts';
import { stepFindings, type Surroundings } from './lint-steps.ts';
import { isRule, RULES, type Finding, type Problem } from './problem.ts';
import { schemaRepairs, type Repairs } from './repairs.ts';
import { masked, secretsIn } from './secrets.ts';
import { firstSlip, reindented } from './syntax-slips.ts';
import { applyEdits } from './text-edit.ts';
import { writerOf } from './writer.ts';

export type DocumentKind = 'runbook' | 'playbook';

export interface Judgement {
  /** In the order of the text. */
  readonly problems: readonly Problem[];
  /** How far it was read: 0 no document, 1 no runbook by its shape, 2 one that contradicts itself, 3 all was looked at. */
  readonly depth: 0 | 1 | 2 | 3;
}

/** Problems that are told of one file: more than a person mends at once. */
const MAX_PROBLEMS = 200;

/**
 * What is wrong with a runbook or a playbook document, as far as that can be told without a server. Pure; never
 * throws, whatever the text is; takes at most a second or two for 1 MiB.
 */
export function validateText(
  text: string,
  format: 'json' | 'yaml',
  kind: DocumentKind,
  surroundings: Surroundings,
): Judgement {
  const judged =
    kind === 'runbook' ? judgeRunbook(text, format, surroundings) : judgePlaybook(text, format, surroundings);
  const problems = [...judged.problems, ...secretProblems(text, judged)];
  problems.sort((left, right) => left.offset - right.offset || (left.rule < right.rule ? -1 : 1));
  return { depth: judged.depth, problems: problems.slice(0, MAX_PROBLEMS) };
}

interface Judged extends Judgement {
  readonly places: Places;
}

function judgeRunbook(text: string, format: 'json' | 'yaml', surroundings: Surroundings): Judged {
  const read = readRunbook(text, format);
  const { places } = read;
  if ('faults' in read) return { places, ...faultProblems(text, format, read) };
  const writer = writerOf(text, read.document);
  const compiled = compileRunbook(read.value);
  const findings = [
    ...regimeFindings(read.value, writer),
    ...compiled.playbooks.flatMap((each) => stepFindings(read.value, each, writer, surroundings)),
  ];
  const problems = [
    ...findings.map((finding) => problemOf(finding, places)),
    ...compiled.faults.map((fault) => faultProblem(fault, [])),
  ];
  const more = problems.some(({ severity }) => severity === 'error') ? [] : overlooked(read.value, surroundings);
  return { places, depth: 3, problems: [...problems, ...more] };
}

/** What the server would refuse all the same: the playbooks are compiled as it does. */
function overlooked(runbook: Runbook, surroundings: Surroundings): readonly Problem[] {
  const { playbooks } = compileRunbook(runbook);
  return playbooks.flatMap(({ document, origins, pointer }) => {
    const read = toPlaybook(document);
    const faults =
      'faults' in read ? read.faults : compilePlaybook(read.value, declarationOf, surroundings.parameterFaults).faults;
    return faults.map((fault) => {
      const index = /^\/actions\/(\d+)/.exec(fault.pointer)?.[1];
      const at = index === undefined ? pointer : (origins[Number(index)]?.step.pointer ?? pointer);
      const finding = { rule: 'playbook', pointer: at, message: fault.detail, fix: 'Change the step.' } as const;
      return problemOf(finding, runbook.places);
    });
  });
}

/** As a connector would declare it. */
function declarationOf(type: ActionType): ActionDeclaration {
  const { targetType, reversibility, contains } = KNOWN_ACTIONS[type];
  const unknown = { idempotency: 'state', readBack: false, settleMs: 0, waits: false, holds: null } as const;
  return { type, connector: 'any', targetType, reversibility, contains, ...unknown };
}

function judgePlaybook(text: string, format: 'json' | 'yaml', surroundings: Surroundings): Judged {
  const placed = readPlaced(text, format);
  const { value, places } = placed;
  if (value === undefined) return { places, ...faultProblems(text, format, placed) };
  const read = toPlaybook(value);
  const told = (rule: 'playbook' | 'playbook-warning', pointer: string, detail: string): Problem => {
    const [message, fix] = split(detail);
    return problemOf({ rule, pointer, message, fix, place: places.value(pointer) }, places);
  };
  if ('faults' in read) {
    return { places, depth: 1, problems: read.faults.map(({ pointer, detail }) => told('playbook', pointer, detail)) };
  }
  const compiled = compilePlaybook(read.value, declarationOf, surroundings.parameterFaults);
  const problems = [
    ...compiled.faults.map(({ pointer, detail }) => told('playbook', pointer, detail)),
    ...compiled.warnings.map(({ pointer, detail }) => told('playbook-warning', pointer, detail)),
  ];
  return { places, depth: 3, problems };
}

const SYNTAX: ReadonlySet<string> = new Set(['syntax', 'tab', 'unquoted-template']);
const UNREADABLE: ReadonlySet<string> = new Set([
  ...SYNTAX,
  'tag',
  'several-documents',
  'duplicate-key',
  'aliases',
  'not-recordable',
  'forbidden-name',
  'too-large',
  'too-deep',
]);
const CONTRADICTIONS = /^(?:rollback-|duplicate-id$|misplaced-|approval-)/;

function faultProblems(
  text: string,
  format: 'json' | 'yaml',
  { faults, places, document }: Pick<PlacedDocument, 'faults' | 'places' | 'document'>,
): Judgement {
  const [first] = faults;
  const depth = faults.some(({ rule }) => UNREADABLE.has(rule))
    ? 0
    : faults.every(({ rule }) => CONTRADICTIONS.test(rule))
      ? 2
      : 1;
  if (first !== undefined && SYNTAX.has(first.rule)) {
    return {
      depth,
      problems: [format === 'yaml' ? slipOr(text, first, places) : faultProblem(first, jsonRepairs(text, first))],
    };
  }
  const writer = writerOf(text, document);
  return { depth, problems: faults.map((fault) => faultProblem(fault, schemaRepairs(fault, writer))) };
}

/** A slip that is seen in a line explains more than where the parser gave up; so does a line that only has to be moved. */
function slipOr(text: string, fault: PlacedFault, places: Places): Problem {
  const slip = firstSlip(text);
  if (slip !== null) return problemOf({ ...slip, pointer: '', place: places.at(slip.offset, slip.end) }, places);
  const moved = reindented(text, fault.line).find((edits) => isReadable(applyEdits(text, edits)));
  const [edit] = moved ?? [];
  if (moved === undefined || edit === undefined) return faultProblem(fault, []);
  const message = 'The line begins in another column than its neighbours';
  const fix = `Begin it in column ${edit.text.length + 1}.`;
  return problemOf(
    { rule: 'indentation', pointer: '', message, fix, place: places.at(edit.end, edit.end), repairs: [moved] },
    places,
  );
}

function isReadable(text: string | null): boolean {
  return text !== null && readPlaced(text, 'yaml').value !== undefined;
}

/** A comma too many, or one too few. */
function jsonRepairs(text: string, { offset }: PlacedFault): Repairs {
  const before = text.slice(0, offset).trimEnd();
  const comma = before.endsWith(',') ? [[{ offset: before.length - 1, end: before.length, text: '' }]] : [];
  return [...comma, [{ offset: before.length, end: before.length, text: ',' }]];
}

function faultProblem(fault: PlacedFault, repairs: Repairs): Problem {
  const [message, fix] = split(fault.detail);
  const { offset, end, line, column } = fault;
  const rule = isRule(fault.rule) ? fault.rule : 'syntax';
  const place: Place = { offset, end, line, column };
  return {
    ...place,
    rule,
    severity: RULES[rule].severity,
    pointer: fault.pointer,
    message: masked(message),
    fix: masked(fix),
    repairs,
  };
}

/** A sentence of the form "what is wrong; what to do." in its two halves. */
function split(detail: string): readonly [string, string] {
  const bare = detail.replace(/\.$/, '');
  const semicolon = bare.lastIndexOf('; ');
  if (semicolon < 0) return [bare, 'Correct it.'];
  const fix = bare.slice(semicolon + 2);
  return [bare.slice(0, semicolon), `${fix.slice(0, 1).toUpperCase()}${fix.slice(1)}.`];
}

function problemOf(finding: Finding, places: Places): Problem {
  const { rule, pointer, place = places.value(pointer), repairs = [] } = finding;
  const { offset, end, line, column } = place;
  const severity = finding.severity ?? RULES[rule].severity;
  const [message, fix] = [masked(finding.message.replace(/\.$/, '')), masked(finding.fix)];
  return { rule, severity, pointer, message, fix, repairs, offset, end, line, column };
}

function secretProblems(text: string, { places, problems }: Judged): readonly Problem[] {
  const known = problems.filter(({ rule }) => rule === 'secret');
  return secretsIn(text)
    .filter(({ offset, end }) => !known.some((problem) => problem.offset <= offset && end <= problem.end))
    .map(({ what, offset, end }) =>
      problemOf(
        {
          rule: 'secret',
          pointer: '',
          message: `This looks like ${what} in clear`,
          fix: 'Take it out of the file and its history, and change it: it was written down.',
          place: places.at(offset, end),
        },
        places,
      ),
    );
}
