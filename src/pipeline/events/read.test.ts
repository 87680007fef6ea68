import { describe, expect, it } from 'vitest';
import {
  booleanAt,
  findUnfitJson,
  idAt,
  integerAt,
  listAt,
  MAX_EVENT_DEPTH,
  objectsAt,
  textAt,
  textsAt,
  valueAt,
} from './read.ts';

describe('readers', () => {
  it('look at own members only', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(valueAt({}, name)).toBeUndefined();
      expect(textAt({ a: {} }, 'a', name)).toBeNull();
    }
    expect(valueAt({ constructor: 1 }, 'constructor')).toBe(1);
    expect(valueAt(['a'], 'length')).toBeUndefined();
  });

  it('answer nothing for other types', () => {
    for (const value of [null, undefined, 1, 'x', [], true]) {
      expect(textAt(value, 'a')).toBeNull();
      expect(integerAt({ a: value === 1 ? 1.5 : value }, 'a')).toBeNull();
      expect(listAt({ a: value === null ? null : 'x' }, 'a')).toEqual([]);
    }
    expect(booleanAt({ a: 'TRUE' }, 'a')).toBe(true);
    expect(booleanAt({ a: 'yes' }, 'a')).toBeNull();
    expect(objectsAt({ a: [1, {}, null, []] }, 'a')).toEqual([{}]);
    expect(textsAt({ a: ['x', 1, ' '] }, 'a')).toEqual(['x']);
    expect(textsAt({ a: 'x' }, 'a')).toEqual(['x']);
  });

  it('take no id from a number that lost digits', () => {
    expect(idAt({ id: JSON.parse('12345678901234567890') }, 'id')).toBeNull();
    expect(idAt({ id: 42 }, 'id')).toBe('42');
    expect(idAt({ id: 1.5 }, 'id')).toBeNull();
  });

  it('read at most 100 items', () => {
    expect(listAt({ a: Array.from({ length: 500 }, () => 1) }, 'a')).toHaveLength(100);
  });
});

describe('findUnfitJson', () => {
  it('points at a member named __proto__, however deep', () => {
    expect(findUnfitJson(JSON.parse('{"a/b":[1,{"~c":{"__proto__":{"x":1}}}]}'))).toEqual({
      code: 'forbidden_key',
      pointer: '/a~1b/1/~0c/__proto__',
    });
    expect(findUnfitJson({ constructor: { prototype: {} } })).toBeNull();
  });

  it('stops at nesting that is too deep, without a stack overflow', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(findUnfitJson(nested(MAX_EVENT_DEPTH))).toBeNull();
    expect(findUnfitJson(nested(MAX_EVENT_DEPTH + 1))?.code).toBe('too_deep');
    expect(findUnfitJson(nested(400_000))?.code).toBe('too_deep');
  });
});
