import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { messageOf, type Fault } from '../../platform/errors.ts';
import { celValues } from './cel-values.ts';
import { membersOf, ROOTS, type ExpressionValues, type MemberType, type NameScope } from './scope.ts';

/**
 * The one door to the expression language (CEL). Everything that is not bounded by the library is refused here
 * before an expression is stored: a synchronous evaluation cannot be interrupted.
 */

/** Longest expression, in UTF-16 units: about ten comparisons with long names fit several times. */
export const MAX_CONDITION_LENGTH = 2_000;

/** Structural limits: 200 nodes are some forty comparisons; a depth of 16 is more than people read. */
const LIMITS = { maxAstNodes: 200, maxDepth: 16, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 };

/** Compiled expressions kept: 64 actions of some dozens of playbooks; the rest compiles again in about 10 µs. */
const MAX_COMPILED = 2_000;

/** Macros that run over a list. One inside another multiplies their lengths, so it is refused. */
const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/**
 * Functions that are allowed: total, cheap, the same everywhere. Not among them: `matches` (a pattern can run for
 * seconds), `timestamp` and its parts (time zones differ by system), `split`, `join` and `cel.bind` (they multiply
 * sizes), `dyn` and `type` (they take the type check away).
 */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...LOOPS,
  'has',
  'size',
  'startsWith',
  'endsWith',
  'contains',
  'lowerAscii',
  'upperAscii',
  'trim',
  'int',
  'string',
]);

/**
 * The faults of an expression where the names of `scope` are known; empty when it may be stored. `pointer` is where
 * it stands in its document. Unknown names, types that do not fit, a result that is not bool, refused functions and
 * every limit are faults; none of them waits until the incident.
 */
export function checkCondition(source: string, scope: NameScope, pointer = ''): readonly Fault[] {
  if (source.length > MAX_CONDITION_LENGTH) {
    return [{ pointer, detail: `The condition is longer than ${MAX_CONDITION_LENGTH} characters; split the action.` }];
  }
  const faults = refusals(source);
  if (faults.length > 0) return faults.map((detail) => ({ pointer, detail }));
  const checked = environmentFor(membersOf(scope)).check(source);
  if (!checked.valid) return [{ pointer, detail: `${summaryOf(checked.error)}.${knownNames(source, scope)}` }];
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    return [{ pointer, detail: `The result is ${checked.type}, not bool; compare it with something.` }];
  }
  return [];
}

export type ConditionResult = { readonly value: boolean } | { readonly error: string };

/**
 * Evaluates an expression on a snapshot. The result is a boolean or an error in words; an error (a missing member, a
 * type that does not fit, a refused expression, any other result) never means false: the caller asks a person.
 * Deterministic; never throws; reads own properties only. Whole numbers compare as CEL ints.
 */
export function evaluateCondition(source: string, values: ExpressionValues): ConditionResult {
  const program = compiled(source);
  if ('error' in program) return program;
  try {
    const result: unknown = program.run(celValues(values));
    if (typeof result === 'boolean') return { value: result };
    return { error: `the result is ${result === null ? 'null' : typeof result}, not bool` };
  } catch (thrown) {
    return { error: summaryOf(thrown) };
  }
}

type Program = { readonly run: (context: Record<string, unknown>) => unknown } | { readonly error: string };

const programs = new Map<string, Program>();

/** Compiles, or gives the compiled program again; forgets the one that was not used for longest. */
function compiled(source: string): Program {
  const known = programs.get(source);
  const program = known ?? compile(source);
  programs.delete(source);
  programs.set(source, program);
  if (programs.size > MAX_COMPILED) {
    const oldest = programs.keys().next();
    if (!oldest.done) programs.delete(oldest.value);
  }
  return program;
}

function compile(source: string): Program {
  if (source.length > MAX_CONDITION_LENGTH) return { error: 'the condition is too long' };
  const refused = refusals(source);
  if (refused[0] !== undefined) return { error: refused[0] };
  return { run: evaluation.parse(source) };
}

/** Names were checked on save; here results and inputs are maps, so that `has(context.x)` can be asked. */
const evaluation = environmentFor({
  ...membersOf({ results: [], inputs: [] }),
  results: 'map<string, dyn>',
  context: 'map<string, dyn>',
});

function environmentFor(members: Readonly<Record<(typeof ROOTS)[number], MemberType>>): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
  for (const root of ROOTS) {
    const type = members[root];
    if (typeof type === 'string') environment.registerVariable(root, type);
    else environment.registerVariable({ name: root, schema: type });
  }
  return environment;
}

/** Why an expression is not evaluated at all, from its syntax tree; empty when nothing is wrong with it. */
function refusals(source: string): readonly string[] {
  try {
    const found = new Set<string>();
    walk(evaluation.parse(source).ast, 0, found);
    return [...found];
  } catch (thrown) {
    // Names and types are judged later with the right scope; what cannot even be parsed is judged here.
    return [summaryOf(thrown)];
  }
}

/** `loops` is how many list macros are around the node. The parser's limits bound depth and number of nodes. */
function walk(node: ASTNode, loops: number, found: Set<string>): void {
  let inside = loops;
  switch (node.op) {
    case 'value':
    case 'id':
      return;
    case '.':
    case '.?':
      return walk(node.args[0], loops, found);
    case 'call':
    case 'rcall': {
      const [name] = node.args;
      const values = node.op === 'call' ? node.args[1] : node.args[2];
      if (!FUNCTIONS.has(name)) found.add(`The function ${name} is not allowed; use ${[...FUNCTIONS].join(', ')}`);
      if (LOOPS.has(name)) inside += 1;
      if (inside > 1) found.add('A list macro inside another one is not allowed; it multiplies the lengths of both');
      if (node.op === 'rcall') walk(node.args[1], loops, found);
      for (const argument of values) walk(argument, inside, found);
      return;
    }
    case '+':
      if (loops > 0) found.add('Joining lists or texts inside a list macro is not allowed');
      break;
    case 'in':
      if (loops > 0 && node.args[1].op !== 'list') found.add('Inside a list macro `in` needs a list written out');
      break;
    default:
  }
  for (const child of childrenOf(node)) walk(child, inside, found);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  const { args } = node;
  if (!Array.isArray(args)) return isNode(args) ? [args] : [];
  return args.flat().filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function summaryOf(thrown: unknown): string {
  const summary = thrown instanceof Error && 'summary' in thrown ? thrown.summary : null;
  return typeof summary === 'string' ? summary : (messageOf(thrown).split('\n')[0] ?? 'error');
}

/** The names that can be used, when the fault is likely about one. */
function knownNames(source: string, scope: NameScope): string {
  const hints = [` Known roots: ${ROOTS.join(', ')}.`];
  if (source.includes('results')) hints.push(` Actions of earlier stages: ${scope.results.join(', ') || 'none'}.`);
  if (source.includes('context')) hints.push(` Declared inputs: ${scope.inputs.join(', ') || 'none'}.`);
  return hints.join('');
}
