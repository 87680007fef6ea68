import fc from 'fast-check';
import { canonicalize } from 'json-canonicalize';
import { describe, expect, it } from 'vitest';
import { canonicalJson, NotCanonicalError } from './canonical-json.ts';

/** Strings that JSON must escape, that sort oddly, that look like array indexes, or that name inherited members. */
const trickyText = fc.constantFrom(
  '',
  '"',
  '\\',
  '\n',
  '\u2028',
  '\u007f',
  '\u0000',
  '😀',
  '\ufb33',
  '10',
  '9',
  '__proto__',
);
const text = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.string({ maxLength: 12 }), trickyText)
  .map((value) => value.toWellFormed());

/** Everything a record may hold. Objects are built by definition, so that `__proto__` is a member like any other. */
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(text, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

function pathOf(value: unknown): string {
  try {
    canonicalJson(value);
  } catch (error) {
    if (error instanceof NotCanonicalError) return error.path;
    throw error;
  }
  throw new Error('was not refused');
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('canonicalJson', () => {
  it('agrees with an independent implementation on everything a record may hold', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 1_500 },
    );
  });

  it('does not depend on the order in which members were added', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, anyJson), { maxLength: 8 }), fc.nat(), (entries, turn) => {
        const unique = [...new Map(entries)];
        const start = unique.length === 0 ? 0 : turn % unique.length;
        const turned = [...unique.slice(start), ...unique.slice(0, start)];
        expect(canonicalJson(Object.fromEntries(turned))).toBe(canonicalJson(Object.fromEntries(unique)));
      }),
    );
  });

  it('is a fixed point: reading it and writing it again gives the same bytes', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const once = canonicalJson(value);
        expect(canonicalJson(JSON.parse(once))).toBe(once);
      }),
    );
  });

  it('escapes as in RFC 8785 section 3.2.2.2', () => {
    expect(canonicalJson('\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/')).toBe('"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
    expect(canonicalJson('\b\t\n\f\r\u0000\u001f\u007f\u2028')).toBe('"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f\u2028"');
  });

  it('sorts by UTF-16 code unit as in RFC 8785 section 3.2.3', () => {
    const members = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const order = ['Carriage Return', 'One', 'Control', 'Latin', 'Euro', 'Emoji', 'Hebrew'];
    const found = order.map((word) => canonicalJson(members).indexOf(word));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found).not.toContain(-1);
    expect(canonicalJson({ 9: 0, 10: 0, b: 0, a: 0 })).toBe('{"10":0,"9":0,"a":0,"b":0}');
  });

  it('writes negative zero as zero, leaves undefined members out and takes objects without a prototype', () => {
    expect(canonicalJson([-0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])).toBe(
      '[0,9007199254740991,-9007199254740991]',
    );
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonicalJson({ c: 2, b: undefined, a: 1 })).toBe('{"a":1,"c":2}');
    expect(canonicalJson(Object.assign(Object.create(null), { b: 1, a: [] }))).toBe('{"a":[],"b":1}');
  });

  it('never runs code that hides in a value', () => {
    const array: unknown[] & { toJSON?: () => string } = [1];
    array.toJSON = () => 'forged';
    expect(canonicalJson({ a: array })).toBe('{"a":[1]}');
    const object = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'forged' });
    expect(canonicalJson([object])).toBe('[{"a":1}]');
    expect(canonicalJson({ toJSON: 'text' })).toBe('{"toJSON":"text"}');
  });

  it.each<[string, unknown, string]>([
    ['a float', { data: { score: 0.5 } }, '/data/score'],
    ['NaN', [1, Number.NaN], '/1'],
    ['Infinity', { a: Number.POSITIVE_INFINITY }, '/a'],
    ['an unsafe integer', [[Number.MAX_SAFE_INTEGER + 1]], '/0/0'],
    ['a lone surrogate in text', { a: ['ok', '\ud800'] }, '/a/1'],
    ['a lone surrogate in a name', { a: { '\udfff': 1 } }, '/a/\udfff'],
    ['an undefined array member', { a: [1, undefined] }, '/a/1'],
    ['a hole in an array', { a: [1, , 3] }, '/a/1'], // eslint-disable-line no-sparse-arrays
    ['undefined itself', undefined, ''],
    ['a function', { 'a/b': { '~': () => 1 } }, '/a~1b/~0'],
    ['a symbol', [Symbol('x')], '/0'],
    ['a bigint', { n: 1n }, '/n'],
    ['a date', { at: new Date(0) }, '/at'],
    ['a map', { m: new Map() }, '/m'],
    ['a byte array', { b: new Uint8Array(1) }, '/b'],
  ])('refuses %s and says where it is', (_name, value, path) => {
    expect(pathOf(value)).toBe(path);
  });

  it('refuses what nests deeper than 64, without touching the stack', () => {
    expect(canonicalJson(nested(64))).toContain('1');
    expect(pathOf(nested(65)).split('/')).toHaveLength(66);
    expect(pathOf(nested(20_000)).split('/')).toHaveLength(66);
    const circle: unknown[] = [];
    circle.push(circle);
    expect(pathOf(circle).split('/')).toHaveLength(66);
  });
});
