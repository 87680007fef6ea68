import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCondition, evaluateCondition } from './conditions.ts';
import type { ExpressionValues } from './scope.ts';

const SCOPE = { results: ['action_challenge', 'ask-1', 'in'], inputs: ['ticket'] };

const VALUES: ExpressionValues = {
  incident: {
    id: 'inc_1',
    type: 'REPEATED_2FA_BYPASS',
    severity: 'HIGH',
    confidence: 80,
    impact: 'MEDIUM',
    subject: { type: 'user', id: 'alice@acme.example' },
    accounts: ['alice@acme.example', 'bob@acme.example'],
    sourceIps: ['203.0.113.7'],
    findingCount: 1,
    details: { attempts: 12, successAfter: false, ratio: 0.5, many: Array.from({ length: 1_001 }, () => 1) },
  },
  event: { host_id: 'h-1', count: 3, nothing: null, long: 'x'.repeat(10_001) },
  results: { action_challenge: { status: 'SUCCESS', outcome: 'expired', attempts: 1 } },
  context: { ticket: 'T-1' },
  user: { id: 'alice@acme.example', roles: ['staff'], privileged: false, protected: false },
};

const evaluate = (source: string, values: ExpressionValues = VALUES) => evaluateCondition(source, values);

describe('evaluateCondition', () => {
  it.each([
    ['incident.confidence >= 70', true],
    ['incident.confidence == 80', true],
    ['incident.confidence > 80', false],
    ['incident.subject.id == user.id', true],
    ['incident.details.attempts >= 7', true],
    ['incident.details.attempts >= 12.5', false],
    ['has(incident.details.gone) && incident.details.gone', false],
    ['results.action_challenge.outcome != "passed"', true],
    ['results["action_challenge"].attempts == 1', true],
    ['"bob@acme.example" in incident.accounts', true],
    ['incident.accounts.exists(a, a.startsWith("bob"))', true],
    ['size(incident.accounts) > 2', false],
    ['event.host_id == "h-1" && event.count < 4', true],
    ['context.ticket == "T-1"', true],
    ['has(context.other)', false],
    ['!user.privileged && !("admin" in user.roles)', true],
  ])('%s is %s', (source, value) => {
    expect(evaluate(source)).toEqual({ value });
  });

  it.each([
    'incident.details.gone >= 7',
    'event.nope == "x"',
    'event.constructor == "x"',
    'event.__proto__ == "x"',
    'incident.details.toString == "x"',
    'context.other == "x"',
    'results.later.outcome == "x"',
    'incident.details.attempts',
    'event.nothing',
    'incident.details.many.exists(x, x == 1)',
    '!has(incident.details.many)',
    'event.long == "x"',
    '1 / 0 == 1',
    'incident.id.matches("(a+)+$")',
    'no such thing',
    '',
    '(',
    'true'.repeat(600),
  ])('%s is an error, never false', (source) => {
    expect(evaluate(source)).toEqual({ error: expect.stringMatching(/\w/) });
  });

  it('an absent root is an error', () => {
    const without = { ...VALUES, user: null, event: null };
    expect(evaluate('user.privileged', without)).toHaveProperty('error');
    expect(evaluate('!user.privileged', without)).toHaveProperty('error');
    expect(evaluate('has(user.privileged)', without)).toHaveProperty('error');
    expect(evaluate('event.host_id == "h-1"', without)).toHaveProperty('error');
  });

  it('a value of another type than declared is an error', () => {
    const odd = { ...VALUES, incident: { ...VALUES.incident, confidence: 'high', impact: null } };
    expect(evaluate('incident.confidence >= 70', odd)).toHaveProperty('error');
    expect(evaluate('incident.impact == "LOW"', odd)).toHaveProperty('error');
    expect(evaluate('incident.id == "inc_1"', odd)).toEqual({ value: true });
  });

  it('is total and gives the same answer twice, for any text', () => {
    const words = fc.constantFrom(
      ...'incident.confidence|event.host_id|results|(|)|&&|!|==|70|"x"|.|[|]|exists(x,|?|:'.split('|'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words, { maxLength: 12 }).map((w) => w.join(' ')),
          fc.string(),
        ),
        (source) => {
          const first = evaluate(source);
          expect(evaluate(source)).toEqual(first);
          expect('value' in first ? typeof first.value : 'boolean').toBe('boolean');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('compares every whole number as an int', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer(), (confidence, bound) => {
        const values = { ...VALUES, incident: { ...VALUES.incident, confidence } };
        expect(evaluate(`incident.confidence >= ${bound}`, values)).toEqual({ value: confidence >= bound });
      }),
    );
  });

  it('survives more expressions than are kept compiled', () => {
    for (let index = 0; index < 2_100; index += 1) expect(evaluate(`${index} == ${index}`)).toEqual({ value: true });
    expect(evaluate('0 == 0')).toEqual({ value: true });
  });
});

describe('checkCondition', () => {
  const faults = (source: string): string =>
    checkCondition(source, SCOPE, '/actions/0/condition')
      .map((f) => f.detail)
      .join(' | ');

  it.each([
    'incident.confidence >= 70 && results.action_challenge.outcome != "passed"',
    'results["ask-1"].outcome in ["denied", "expired"]',
    'results["in"].status == "SUCCESS"',
    'has(context.ticket) && context.ticket == "T-1"',
    'incident.details.attempts >= 7 || (has(incident.details.successAfter) && incident.details.successAfter)',
    'incident.accounts.all(a, a != "x" && a in ["y", "z"])',
    'has(incident.details.flag) && incident.details.flag',
    'incident.details.flag',
  ])('takes %s', (source) => {
    expect(faults(source)).toBe('');
  });

  it.each([
    ['nope == 1', /nope.*Known roots/s],
    ['incident.nope == 1', /nope/],
    ['results.action_later.outcome == "x"', /action_later.*action_challenge/s],
    ['results["action_later"].outcome == "x"', /action_later/],
    ['results.action_challenge.reply == "x"', /reply/],
    ['context.undeclared == "x"', /undeclared.*ticket/s],
    ['user.constructor == "x"', /constructor/],
    ['incident.confidence', /int, not bool/],
    ['incident.id >= 70', /overload/],
    ['incident.id.matches("(a+)+$")', /matches is not allowed/],
    ['timestamp("2026-01-01T00:00:00Z").getHours() == 1', /timestamp is not allowed/],
    ['cel.bind(x, 1, x == 1)', /bind is not allowed/],
    ['incident.accounts.exists(a, incident.accounts.exists(b, a == b))', /inside another/],
    ['incident.accounts.exists(a, a in incident.sourceIps)', /written out/],
    ['incident.accounts.exists(a, a + a == "x")', /Joining/],
    ['true &&', /\w/],
    [`${'!('.repeat(20)}true${')'.repeat(20)}`, /maxDepth/],
    [Array.from({ length: 101 }, () => 'true').join(' && '), /maxAstNodes/],
    [`1 in [${Array.from({ length: 101 }, () => '1').join(',')}]`, /maxListElements/],
    [`"${'x'.repeat(2_000)}" == "x"`, /longer than 2000/],
  ])('refuses %s', (source, expected) => {
    expect(faults(source)).toMatch(expected);
  });

  it('allows a sequence of macros and finds one hidden in any kind of node', () => {
    const inner = 'incident.accounts.exists(b, true)';
    expect(faults('incident.accounts.filter(a, a != "x").exists(a, a == "y")')).toBe('');
    for (const hiding of [
      `!${inner}`,
      `(${inner} ? true : false)`,
      `[${inner}][0]`,
      `{"k": ${inner}}["k"]`,
      `${inner} == true`,
      `(true && ${inner})`,
    ]) {
      expect(faults(`incident.accounts.all(a, ${hiding})`)).toMatch(/inside another/);
    }
  });

  it('points to where the expression stands', () => {
    expect(checkCondition('nope', SCOPE, '/actions/3/condition')[0]?.pointer).toBe('/actions/3/condition');
  });
});
