import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyEdits } from '../../src/pipeline/runbooks/validate/text-edit.ts';
import { soundRepair } from '../../src/pipeline/runbooks/validate/fix-text.ts';
import { validateText, type Judgement } from '../../src/pipeline/runbooks/validate/validate-text.ts';
import { BREAKAGES, brokenRunbooks, type BrokenRunbook, type WholeRunbook } from '../support/broken-runbooks.ts';

const SURROUNDINGS = { connectors: ['sandbox', 'ssh', 'webhook'], parameterFaults: () => [] };

const WHOLE: readonly WholeRunbook[] = [
  'tests/fixtures/runbooks/ransomware-containment.yaml',
  'tests/fixtures/runbooks/active-breach-containment.yaml',
  'examples/runbooks/ransomware.yaml',
  'examples/runbooks/account-takeover.yaml',
  'examples/runbooks/leaked-credential.json',
].map((name) => ({
  name,
  text: readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'),
  format: name.endsWith('.json') ? 'json' : 'yaml',
}));

const judge = (text: string, format: 'yaml' | 'json'): Judgement => validateText(text, format, 'runbook', SURROUNDINGS);

interface Outcome {
  readonly placed: boolean;
  readonly named: boolean;
  readonly mended: boolean;
  readonly validates: boolean;
}

/** The whole files have warnings of their own: only what is new counts. */
const ALLOWED = new Set(['containment-without-rollback']);

function outcomeOf({ text, format, line, rules }: BrokenRunbook): Outcome {
  const judgement = judge(text, format);
  const here = judgement.problems.filter((problem) => problem.line === line);
  const named = here.find(({ rule }) => rules.includes(rule));
  const again = (each: string): Judgement => judge(each, format);
  const sound = named === undefined ? null : soundRepair(text, named, judgement, again);
  const fixed = sound === null ? null : applyEdits(text, sound.edits);
  const after = fixed === null ? null : judge(fixed, format);
  const rest = after?.problems.filter(({ rule }) => !ALLOWED.has(rule)) ?? [];
  return {
    placed: here.length > 0,
    named: named !== undefined,
    mended: sound !== null,
    validates: sound === null || (after?.depth === 3 && rest.length === 0),
  };
}

describe('the runbooks that are broken', () => {
  it('are whole before', () => {
    for (const { text, format } of WHOLE) {
      expect(judge(text, format).problems.filter(({ rule }) => !ALLOWED.has(rule))).toEqual([]);
    }
    expect(BREAKAGES.length).toBeGreaterThanOrEqual(20);
  });

  it.each([1, 20261122])('are told by line and cause, and mostly mended (seed %d)', (seed) => {
    const broken = brokenRunbooks(seed, WHOLE, 200);
    const outcomes = broken.map((each) => ({ ...each, ...outcomeOf(each) }));
    const share = (of: keyof Outcome): number => outcomes.filter((each) => each[of]).length / outcomes.length;
    const wrong = (of: keyof Outcome): readonly string[] =>
      outcomes
        .filter((each) => !each[of])
        .map(({ kind, line, text }) => `${kind}, line ${line}: ${text.split('\n')[line - 1] ?? ''}`);
    const unused = BREAKAGES.filter((name) => !broken.some(({ kind }) => kind === name));
    process.stdout.write(
      `seed ${seed}: ${broken.length} broken in ${BREAKAGES.length} ways; right line ${share('placed') * 100} %, ` +
        `right cause ${share('named') * 100} %, mended ${share('mended') * 100} %\n`,
    );
    expect(wrong('placed')).toEqual([]);
    expect(share('named'), wrong('named').join('\n')).toBeGreaterThanOrEqual(0.95);
    expect(share('mended'), wrong('mended').join('\n')).toBeGreaterThanOrEqual(0.8);
    expect(wrong('validates')).toEqual([]);
    expect(unused).toEqual([]);
  });
});
