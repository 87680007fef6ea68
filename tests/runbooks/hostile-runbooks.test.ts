import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRunbook } from '../../src/pipeline/runbooks/compile-runbook.ts';
import { readRunbook } from '../../src/pipeline/runbooks/runbook.ts';
import { fixText, judgeFor } from '../../src/pipeline/runbooks/validate/fix-text.ts';
import { nearestWord } from '../../src/pipeline/runbooks/validate/nearest-word.ts';
import { validateText } from '../../src/pipeline/runbooks/validate/validate-text.ts';
import { toPlaybook } from '../../src/pipeline/playbooks/playbook.ts';

const SURROUNDINGS = { connectors: ['sandbox', 'ssh'], parameterFaults: () => [] };
const judge = (text: string, format: 'yaml' | 'json' = 'yaml') => validateText(text, format, 'runbook', SURROUNDINGS);
const rulesOf = (text: string, format: 'yaml' | 'json' = 'yaml') => [
  ...new Set(judge(text, format).problems.map(({ rule }) => rule)),
];
const RANSOMWARE = readFileSync(new URL('../../examples/runbooks/ransomware.yaml', import.meta.url), 'utf8');

/** Longest that one look at a hostile text may take, in ms: far above what it takes, far below a hang. */
const PATIENCE_MS = 15_000;

const around = (members: string): string =>
  `playbooks:\n  high:\n    name: P\n    steps:\n      - action: isolate_host\n        rollback: restore_host\n        ${members}\n`;

const bomb = Array.from({ length: 12 }, (_, level) => {
  const inner = level === 0 ? '"x"' : Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ');
  return `a${level}: &a${level} [${inner}]`;
}).join('\n');

describe('hostile runbooks', () => {
  it.each<[string, string, string]>([
    ['an alias bomb', `${bomb}\nplaybooks: *a11\n`, 'aliases'],
    ['many aliases', `a: &a [1]\nb: [${Array.from({ length: 200 }, () => '*a').join(', ')}]\n`, 'aliases'],
    ['millions of anchors', '&a '.repeat(300_000), 'too-deep'],
    ['more than 1 MiB', `playbooks:\n${'# x\n'.repeat(300_000)}`, 'too-large'],
    ['brackets', '['.repeat(500_000), 'too-deep'],
    ['braces', '{'.repeat(500_000), 'too-deep'],
    ['list items', '- '.repeat(400_000), 'too-deep'],
    ['keys of keys', '? '.repeat(400_000), 'too-deep'],
    ['a stair', Array.from({ length: 900 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'), 'too-deep'],
    ['one member 100,000 times', 'a: 1\n'.repeat(100_000), 'too-deep'],
    ['a member twice', around('rollback: restore_host'), 'duplicate-key'],
    ['a tab', around('target: x').replace('        target', '\ttarget'), 'tab'],
    ['a tag', around('target: !!js/function "x"'), 'tag'],
    ['a binary', around('target: !!binary "AAAA"'), 'tag'],
    ['two documents', `${RANSOMWARE}\n---\n${RANSOMWARE}`, 'several-documents'],
    ['a list of steps as text', 'playbooks:\n  high:\n    name: P\n    steps: "isolate_host"\n', 'wrong-type'],
    [
      'a rollback in a circle',
      around('x: 1')
        .replace('restore_host', 'isolate_host')
        .replace(/\n\s+x: 1/, ''),
      'rollback-cycle',
    ],
    ['a prototype in a template', around('target: "{{event.__proto__.polluted}}"'), 'forbidden-path'],
    ['a constructor in a template', around('target: "{{event.constructor.name}}"'), 'forbidden-path'],
    ['a prototype as a member', around('parameters: { __proto__: { a: 1 } }'), 'forbidden-name'],
    ['a prototype as a severity', 'playbooks:\n  __proto__:\n    name: P\n', 'forbidden-name'],
    ['an empty target', around('target: ""'), 'empty-target'],
    ['a blank target', around('target: "   "'), 'empty-target'],
    ['a target of nothing', around('target: null'), 'empty-target'],
    ['an empty template', around('target: "{{}}"'), 'unknown-name'],
    ['a template of a secret', around('parameters: { a: "secret://{{event.id}}" }'), 'forbidden-path'],
    ['a path that climbs', around('preserve_artifacts: ["/tmp/../../etc/shadow"]'), 'artifact-path'],
    ['a path that climbs backwards', around('preserve_artifacts: ["C:\\\\tmp\\\\..\\\\x"]'), 'artifact-path'],
    ['a relative path', around('preserve_artifacts: ["x"]'), 'artifact-path'],
    ['a path with a line break', around('preserve_artifacts: ["/a\\nb"]'), 'artifact-path'],
    ['a condition that takes for ever', around(`condition: 'event.a.matches("(a+)+$")'`), 'condition'],
    ['a condition of another type', around(`condition: 'incident.confidence'`), 'condition'],
    ['nothing', '', 'wrong-type'],
    ['a null byte', around('target: "a\\0b"'), 'not-recordable'],
  ])('are refused: %s', (_name, text, rule) => {
    const begun = performance.now();
    expect(rulesOf(text)).toContain(rule);
    expect(performance.now() - begun).toBeLessThan(PATIENCE_MS);
  });

  it('say what is unreachable', () => {
    const steps = (onFailure: string, condition: string): string =>
      `playbooks:\n  high:\n    name: P\n    steps:\n      - action: notify_soc\n        on_failure: ${onFailure}\n` +
      `      - action: notify_ir_lead\n        condition: '${condition}'\n`;
    expect(rulesOf(steps('halt', 'results.notify_soc.status == "FAILED"'))).toEqual(['unreachable-step']);
    expect(rulesOf(steps('continue', 'results.notify_soc.status == "FAILED"'))).toEqual([]);
    expect(rulesOf(steps('continue', 'results.notify_soc.status == "DENIED"'))).toEqual(['unreachable-step']);
    expect(rulesOf(steps('continue', 'results.notify_soc.status == "FIALED"'))).toEqual(['unreachable-step']);
    expect(rulesOf(steps('halt', 'incident.severity == "LOW"'))).toEqual(['unreachable-step']);
    expect(rulesOf(steps('halt', 'incident.severity == "HIGH"'))).toEqual([]);
    expect(rulesOf(steps('halt', 'incident.severity == "LOW" || incident.confidence > 1'))).toEqual([]);
  });

  it('pollute nothing', () => {
    for (const text of [around('parameters: { __proto__: { polluted: 1 } }'), '__proto__:\n  polluted: 1\n']) {
      rulesOf(text);
      rulesOf(JSON.stringify({ a: 1 }).replace('"a"', '"__proto__"'), 'json');
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('whatever the text is', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '[',
    ']',
    '{',
    '}',
    ': ',
    '- ',
    '"',
    "'",
    '\n',
    '\t',
    '&a',
    '*a',
    '!!',
    '|',
    '>',
    '%',
    '#',
    '\u0000',
    'playbooks',
    'steps',
    '...',
    '---',
    '? ',
  );

  it('is judged without an exception, and each problem lies in the text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.oneof(piece, fc.string({ maxLength: 8 })), { maxLength: 80 }).map((pieces) => pieces.join('')),
      mutated(),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom<'yaml' | 'json'>('yaml', 'json'), (text, format) => {
        const { problems } = judge(text, format);
        const lines = text.split('\n').length;
        for (const { line, column, offset } of problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(offset).toBeLessThanOrEqual(text.length);
        }
        const read = readRunbook(text, format);
        if (!('value' in read)) expect(problems.length).toBeGreaterThan(0);
        else for (const { document } of compileRunbook(read.value).playbooks) toPlaybook(document);
      }),
      { numRuns: 250 },
    );
  });

  /** A runbook with a few characters changed. */
  function mutated(): fc.Arbitrary<string> {
    const change = fc.record({
      at: fc.nat(RANSOMWARE.length),
      length: fc.nat(12),
      by: fc.oneof(piece, fc.string({ maxLength: 4 })),
    });
    return fc
      .array(change, { minLength: 1, maxLength: 3 })
      .map((changes) =>
        changes.reduce((text, { at, length, by }) => text.slice(0, at) + by + text.slice(at + length), RANSOMWARE),
      );
  }

  it('mending never makes it worse, and what was mended is judged the same again', () => {
    fc.assert(
      fc.property(mutated(), (text) => {
        const before = judge(text);
        const { text: after, judgement, fixed } = fixText(text, before, judgeFor('yaml', 'runbook', SURROUNDINGS));
        expect(judgement.depth).toBeGreaterThanOrEqual(before.depth);
        if (fixed.length === 0) expect(after).toBe(text);
        expect(judge(after)).toEqual(judgement);
      }),
      { numRuns: 25 },
    );
  });

  it('the nearest word is one that is known, and a known one is nearest to itself', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 80 }),
        fc.uniqueArray(fc.stringMatching(/^[a-z]{3,12}$/), { minLength: 1 }),
        (word, known) => {
          const nearest = nearestWord(word, known);
          if (nearest !== null) expect(known).toContain(nearest);
          for (const each of known) expect(nearestWord(each, known)).toBe(each);
        },
      ),
    );
  });
});
