/** Breaks runbooks in known ways, drawn from a seed, so that a test knows where each is broken and why. */

export interface BrokenRunbook {
  readonly kind: string;
  readonly text: string;
  readonly format: 'yaml' | 'json';
  /** Line that a person would look at, from 1. */
  readonly line: number;
  /** Rules that name the cause. */
  readonly rules: readonly string[];
}

export interface WholeRunbook {
  readonly name: string;
  readonly text: string;
  readonly format: 'yaml' | 'json';
}

type Random = () => number;

/** Mulberry32: 32 bits of state, the same on every machine. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a kind does to one line: its new text, or several lines, and how far below the first the broken one is. */
interface Change {
  readonly lines: readonly string[];
  /** Of the broken line from the changed one; 0 when absent. */
  readonly shift?: number;
}

interface Kind {
  readonly name: string;
  readonly rules: readonly string[];
  /** Lines that can be broken like this. */
  readonly at: RegExp;
  readonly change: (line: string, random: Random) => Change | null;
  /** Also in JSON. */
  readonly json?: boolean;
  /** Another look at the whole text, for example that the step is of a certain kind. */
  readonly where?: (lines: readonly string[], index: number) => boolean;
  /** Where the broken thing is shown, when it is not the changed line. */
  readonly shownAt?: (lines: readonly string[], index: number) => number;
}

const replace =
  (pattern: RegExp, by: string) =>
  (line: string): Change | null => {
    const changed = line.replace(pattern, by);
    return changed === line ? null : { lines: [changed] };
  };

/** Swaps two letters in the middle of what the pattern finds, so that it stays near to what was meant. */
const misspell =
  (pattern: RegExp) =>
  (line: string, random: Random): Change | null => {
    const match = pattern.exec(line);
    const word = match?.[1];
    if (match === null || word === undefined || word.length < 4) return null;
    const start = match.index + match[0].indexOf(word);
    const place = 1 + Math.floor(random() * (word.length - 2));
    const [left, right] = [word[place] ?? '', word[place + 1] ?? ''];
    if (left === right || left === '_' || right === '_') return null;
    const wrong = word.slice(0, place) + right + left + word.slice(place + 2);
    return { lines: [line.slice(0, start) + wrong + line.slice(start + word.length)] };
  };

const below =
  (added: (indent: string) => string) =>
  (line: string): Change => {
    const indent = ' '.repeat(/^\s*(?:- )?/.exec(line)?.[0].length ?? 0);
    return { lines: [line, `${indent}${added(indent)}`], shift: 1 };
  };

const ACTION = /^\s*(?:- )?action: "/;
const STEP_MEMBER =
  /^\s+(?:target|rollback|requires_approval|approval_timeout_minutes|deadline_hours|on_failure|connector): /;
const IMAGING = /^\s+requires_approval: true/;

function stepOf(lines: readonly string[], index: number): readonly string[] {
  let first = index;
  while (first > 0 && !/^\s*- (?:action|parallel)/.test(lines[first] ?? '')) first -= 1;
  const indent = /^\s*/.exec(lines[first] ?? '')?.[0].length ?? 0;
  let last = first + 1;
  while (last < lines.length && (/^\s*/.exec(lines[last] ?? '')?.[0].length ?? 0) > indent) last += 1;
  return lines.slice(first, last);
}

const stepHas = (pattern: RegExp) => (lines: readonly string[], index: number) =>
  stepOf(lines, index).some((line) => pattern.test(line));
const stepLacks = (pattern: RegExp) => (lines: readonly string[], index: number) => !stepHas(pattern)(lines, index);
const actionLine = (lines: readonly string[], index: number): number => {
  let at = index;
  while (at > 0 && !ACTION.test(lines[at] ?? '')) at -= 1;
  return at;
};

const KINDS: readonly Kind[] = [
  {
    name: 'tab',
    rules: ['tab'],
    at: STEP_MEMBER,
    change: (line) => ({ lines: [line.replace(/^ +/, '\t')] }),
  },
  {
    name: 'unquoted template',
    rules: ['unquoted-template'],
    at: /: "\{\{/,
    change: replace(/"(\{\{[^"]*\}\})"/, '$1'),
  },
  { name: 'unclosed quote', rules: ['unclosed-quote'], at: /: ".*"$/, change: replace(/"$/, '') },
  {
    name: 'no blank behind a colon',
    rules: ['missing-space', 'syntax'],
    at: /^\s+(?:target|rollback|requires_approval|approval_timeout_minutes|deadline_hours): /,
    change: replace(/: /, ':'),
  },
  {
    name: 'a member twice',
    rules: ['duplicate-key'],
    at: STEP_MEMBER,
    change: (line) => ({ lines: [line, line], shift: 1 }),
  },
  {
    name: 'a misspelled member',
    rules: ['unknown-member'],
    at: /^\s+(?:"?(?:target|rollback|requires_approval|approval_timeout_minutes|deadline_hours|channels|preserve_artifacts|condition)"?): /,
    change: misspell(/^\s+"?(\w+)"?: /),
    json: true,
  },
  {
    name: 'a misspelled action',
    rules: ['unknown-action'],
    at: /"?action"?: "/,
    change: misspell(/"?action"?: "(\w+)"/),
    json: true,
  },
  {
    name: 'a misspelled severity',
    rules: ['unknown-severity'],
    at: /^\s+"?(?:medium|high|critical)"?:/,
    change: misspell(/^\s+"?(\w+)"?:/),
    json: true,
  },
  {
    name: 'a misspelled channel',
    rules: ['unknown-channel'],
    at: /channels: \["/,
    change: misspell(/channels: \["(\w+)"/),
  },
  {
    name: 'a misspelled role',
    rules: ['unknown-role'],
    at: /approvers: \["/,
    change: misspell(/approvers: \["(\w+)"/),
  },
  {
    name: 'a truth in words',
    rules: ['wrong-type'],
    at: /requires_approval"?: (?:true|false)/,
    change: (line) => ({ lines: [line.replace('true', '"yes"').replace('false', '"no"')] }),
    json: true,
  },
  {
    name: 'a number as text',
    rules: ['wrong-type'],
    at: /(?:_minutes|_hours): \d+$/,
    change: replace(/(\d+)$/, '"$1"'),
  },
  {
    name: 'a list as text',
    rules: ['wrong-type', 'unclosed-list'],
    at: /channels: \[/,
    change: replace(/\["([^\]]*)"\]/, '"$1"'),
  },
  {
    name: 'an empty target',
    rules: ['empty-target'],
    at: /target"?: "/,
    change: replace(/(target"?: )"[^"]*"/, '$1""'),
    json: true,
  },
  { name: 'no target', rules: ['empty-target'], at: /target: "/, change: replace(/ "[^"]*"$/, '') },
  {
    name: "another action's inverse",
    rules: ['rollback-mismatch'],
    at: /rollback"?: "/,
    change: replace(/(rollback"?: )"[^"]*"/, '$1"geo_unlock"'),
    json: true,
  },
  {
    name: 'no inverse',
    rules: ['rollback-unknown'],
    at: /rollback"?: "/,
    change: replace(/(rollback"?: )"[^"]*"/, '$1"put_it_back"'),
    json: true,
  },
  {
    name: 'a rollback in a circle',
    rules: ['rollback-cycle'],
    at: /rollback: "restore_network_segment"/,
    change: replace(/"restore_network_segment"/, '"isolate_network_segment"'),
  },
  {
    name: 'no rollback',
    rules: ['containment-without-rollback'],
    at: /rollback: "/,
    change: () => ({ lines: [] }),
    where: stepLacks(/ttl_minutes/),
    shownAt: actionLine,
  },
  {
    name: 'imaging without approval',
    rules: ['irreversible-without-approval'],
    at: IMAGING,
    change: replace(/true/, 'false'),
    where: stepHas(/imaging/),
  },
  {
    name: 'no regulatory step',
    rules: ['missing-regulatory-step'],
    at: /action: "notify_regulatory_contact"/,
    change: replace(/notify_regulatory_contact/, 'notify_soc'),
    where: stepLacks(/deadline_hours/),
    shownAt: (lines, index) => {
      let at = index;
      while (at > 0 && !/^ {2}\w+:$/.test(lines[at] ?? '')) at -= 1;
      return at;
    },
  },
  { name: 'a late deadline', rules: ['deadline-too-late'], at: /deadline_hours: \d+/, change: replace(/\d+$/, '96') },
  {
    name: 'a misspelled field',
    rules: ['unknown-event-field'],
    at: /\{\{event\.\w+\}\}/,
    change: misspell(/\{\{event\.(\w+)\}\}/),
    json: true,
  },
  {
    name: 'a misspelled root',
    rules: ['unknown-name'],
    at: /\{\{event\./,
    change: replace(/\{\{event/, '{{evnet'),
    json: true,
  },
  {
    name: 'a prototype',
    rules: ['forbidden-path'],
    at: /target"?: "\{\{event\./,
    change: replace(/event\.\w+/, 'event.__proto__.id'),
    json: true,
  },
  { name: 'an open template', rules: ['template'], at: /\{\{[\w.]+\}\}/, change: replace(/\}\}/, '}'), json: true },
  {
    name: 'a way out of a folder',
    rules: ['artifact-path'],
    at: /^\s+- "\//,
    change: replace(/"\//, '"/tmp/../../'),
  },
  {
    name: 'a secret',
    rules: ['secret'],
    at: ACTION,
    // In two parts, so that no scanner takes this file for a leak.
    change: below(() => `parameters: { header: "${'gh'}p_${'a1B2'.repeat(9)}" }`),
    where: stepHas(/action: "(?:notify_soc|isolate_host|trigger)/),
  },
  {
    name: 'one sign of equality',
    rules: ['condition'],
    at: ACTION,
    change: below(() => `condition: 'incident.confidence = 70'`),
    where: stepLacks(/condition/),
  },
  {
    name: 'a misspelled name in a condition',
    rules: ['condition'],
    at: ACTION,
    change: below(() => `condition: 'incident.confidnece > 70'`),
    where: stepLacks(/condition/),
  },
  {
    name: 'a condition that is never true',
    rules: ['unreachable-step'],
    at: ACTION,
    change: below(() => 'condition: "1 == 2"'),
    where: stepLacks(/condition/),
  },
  {
    name: 'a misspelled connector',
    rules: ['unknown-connector'],
    at: ACTION,
    change: below(() => 'connector: "sandbxo"'),
    where: stepLacks(/connector/),
  },
  {
    name: 'a forbidden name',
    rules: ['forbidden-name'],
    at: ACTION,
    change: below(() => 'parameters: { reason: "x", __proto__: { a: 1 } }'),
    where: stepHas(/action: "account_suspend|action: "isolate/),
  },
  {
    name: 'one blank too many',
    rules: ['indentation', 'syntax'],
    at: STEP_MEMBER,
    change: (line) => ({ lines: [` ${line}`] }),
  },
  {
    name: 'a version as number',
    rules: ['not-recordable'],
    at: /version: "\d+\.[1-9]\d*"/,
    change: replace(/"([\d.]+)"/, '$1'),
  },
  {
    name: 'a time below zero',
    rules: ['out-of-range'],
    at: /(?:_minutes|_hours): \d+$/,
    change: replace(/(\d+)$/, '-$1'),
  },
  { name: 'an open list', rules: ['unclosed-list'], at: /channels: \[.*\]$/, change: replace(/\]$/, '') },
  {
    name: 'a misspelled tag',
    rules: ['unknown-tag'],
    at: /compliance_tags: \["GDPR"/,
    change: replace(/GDPR/, 'GDRP'),
  },
  {
    name: 'no comma',
    rules: ['syntax'],
    at: /^\s+"(?:requires_approval|target)".*,$/,
    change: replace(/,$/, ''),
    json: true,
    shownAt: (_lines, index) => index + 1,
  },
  {
    name: 'a wrong answer to a failure',
    rules: ['unknown-word'],
    at: /on_failure: "/,
    change: misspell(/on_failure: "(\w+)"/),
  },
];

export const BREAKAGES: readonly string[] = KINDS.map(({ name }) => name);

/** `count` broken runbooks, each kind as often as the others, of runbooks and lines that are drawn. */
export function brokenRunbooks(seed: number, whole: readonly WholeRunbook[], count: number): readonly BrokenRunbook[] {
  const random = randomOf(seed);
  const broken: BrokenRunbook[] = [];
  for (let turn = 0; broken.length < count; turn += 1) {
    if (turn > count * 50) throw new Error('some kinds of breakage fit nowhere');
    const kind = KINDS[turn % KINDS.length];
    const one = kind === undefined ? null : breakOne(kind, whole, random);
    if (one !== null) broken.push(one);
  }
  return broken;
}

function breakOne(kind: Kind, whole: readonly WholeRunbook[], random: Random): BrokenRunbook | null {
  const fitting = whole.flatMap((runbook) => {
    const lines = runbook.text.split('\n');
    if (runbook.format === 'json' ? kind.json !== true : kind.name === 'no comma') return [];
    return lines.flatMap((line, index) =>
      kind.at.test(line) && (kind.where?.(lines, index) ?? true) ? [{ runbook, lines, index }] : [],
    );
  });
  const chosen = fitting[Math.floor(random() * fitting.length)];
  if (chosen === undefined) return null;
  const { runbook, lines, index } = chosen;
  const change = kind.change(lines[index] ?? '', random);
  if (change === null) return null;
  const text = [...lines.slice(0, index), ...change.lines, ...lines.slice(index + 1)].join('\n');
  const at = kind.shownAt === undefined ? index + (change.shift ?? 0) : kind.shownAt(lines, index);
  return { kind: kind.name, text, format: runbook.format, line: at + 1, rules: kind.rules };
}
