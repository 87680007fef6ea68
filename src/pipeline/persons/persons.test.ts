import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json, type JsonObject } from '../../platform/canonical-json.ts';
import { allRecordTypes } from '../audit/record-types.ts';
import { decryptTexts, encryptTexts, recordKey } from './encrypted-texts.ts';
import { KEPT_IN_THE_CLEAR, ownedIn, ownedTypes, USUAL } from './owners.ts';
import { ERASED, putTexts, TAKEN, takeTexts, type OwnedPlaces } from './personal-texts.ts';
import { placeOf } from './places.ts';

const KEY = Buffer.alloc(32, 7);
const PLACE = { stream: 'execution/exe_1', seq: 3 };

/** The first of two equal patterns counts. */
function owned(patterns: readonly (readonly [pattern: string, owner: string])[], named = new Map()): OwnedPlaces {
  const parts = patterns.map(([pattern], label) => ({ parts: pattern.split('/').slice(1), label }));
  return { place: placeOf(parts), owners: patterns.map(([, owner]) => owner), named };
}

const ALL = owned([['', 'per_a']]);

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\u{e000}0.0', '\u{e000}', 'HIGH', '__proto__'));
const { value: json } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const data = fc
  .dictionary(fc.constantFrom('a', 'b', 'input', '\u{e000}'), json, { noNullPrototype: true })
  .map((value): JsonObject => value);

describe('personal texts', () => {
  it('come out and go back in, whatever they hold, and leave what is not personal as it is', () => {
    fc.assert(
      fc.property(
        data,
        fc.constantFrom(
          ALL,
          owned([
            ['/a', 'per_a'],
            ['/*/*', 'per_b'],
          ]),
        ),
        (given, places) => {
          const before = canonicalJson(given);
          const taken = takeTexts(given, places);
          expect(canonicalJson(given)).toBe(before);
          if (taken === null) return;
          const boxes = [...taken.texts.values()];
          expect(canonicalJson(putTexts(taken.data, boxes))).toBe(before);
          const erased = putTexts(
            taken.data,
            boxes.map(() => ERASED),
          );
          expect(shapeOf(erased)).toEqual(shapeOf(given));
        },
      ),
    );
  });

  it('leave no personal text behind, but for words and ids of our own', () => {
    const given = {
      a: ['alice@example.com', 'HIGH', 'usr_01j9z6k3m5n7p9q1r3s5t7v9w1', { alice: 'a note' }],
      b: 'alice@example.com',
    };
    const taken = takeTexts(given, owned([['/a', 'per_a']]));
    expect(JSON.stringify(taken?.data['a'])).not.toContain('example');
    expect(taken?.data['b']).toBe('alice@example.com');
    expect([...(taken?.texts.values() ?? [])]).toEqual([['alice@example.com', 'a note']]);
    expect(putTexts(taken?.data ?? {}, [ERASED])['a']).toEqual([
      ERASED,
      'HIGH',
      'usr_01j9z6k3m5n7p9q1r3s5t7v9w1',
      { alice: ERASED },
    ]);
  });

  it('are whose they name, and otherwise whose the place says, the more exact one', () => {
    const taken = takeTexts(
      { accounts: ['bob', 'carol'], note: 'by hand', who: 'bob' },
      owned(
        [
          ['/note', 'per_writer'],
          ['/*', 'per_a'],
        ],
        new Map([['bob', 'per_b']]),
      ),
    );
    expect([...(taken?.texts ?? [])]).toEqual([
      ['per_b', ['bob']],
      ['per_a', ['carol']],
      ['per_writer', ['by hand']],
    ]);
  });

  it('are the first’s of two patterns that are equal, and an item’s number is a name as well', () => {
    const places = owned([
      ['/a/1', 'per_a'],
      ['/a/*', 'per_b'],
      ['/a/1', 'per_c'],
    ]);
    expect([...(takeTexts({ a: ['zero', 'one'] }, places)?.texts ?? [])]).toEqual([
      ['per_b', ['zero']],
      ['per_a', ['one']],
    ]);
  });

  it('refuse data that have a member of the name of theirs', () => {
    expect(() => takeTexts({ [TAKEN]: [] }, ALL)).toThrow('no record has a member');
  });
});

/** All but the texts. */
function shapeOf(value: Json): unknown {
  return JSON.parse(JSON.stringify(value, (_key, member: unknown) => (typeof member === 'string' ? '' : member)));
}

describe('encrypted texts', () => {
  it('open with the key of their record, the same bytes each time, and nowhere else', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
        const key = recordKey(KEY, PLACE);
        const box = encryptTexts(key, PLACE, texts);
        expect(encryptTexts(key, PLACE, texts)).toBe(box);
        expect(decryptTexts(key, PLACE, box)).toEqual(texts);
        const elsewhere = { ...PLACE, seq: 4 };
        expect(() => decryptTexts(key, elsewhere, box)).toThrow();
        expect(() => decryptTexts(recordKey(KEY, elsewhere), PLACE, box)).toThrow();
      }),
    );
  });

  it('do not open when one byte was changed', () => {
    const key = recordKey(KEY, PLACE);
    const bytes = Buffer.from(encryptTexts(key, PLACE, ['alice@example.com']), 'base64');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => decryptTexts(key, PLACE, changed.toString('base64'))).toThrow();
    }
    expect(() => decryptTexts(key, PLACE, 'AAAA')).toThrow('too short');
  });
});

describe('whose they are', () => {
  it('is said of every type with personal members, or why they stay in the clear', () => {
    const personal = allRecordTypes().filter((each) => each.personal.length > 0);
    for (const { type } of personal) {
      expect([type, ownedTypes().includes(type)]).toEqual([type, !KEPT_IN_THE_CLEAR.has(type)]);
    }
    const known = new Set(personal.map(({ type }) => type));
    for (const type of [...ownedTypes(), ...KEPT_IN_THE_CLEAR.keys()])
      expect([type, known.has(type)]).toEqual([type, true]);
  });

  it('follows from what a record says, and from nothing in a prototype', () => {
    const opened = {
      type: 'incident.opened',
      v: 1,
      data: { incident: { subject: { type: 'user', id: 'alice' }, accounts: ['alice', 'bob'] } },
    };
    const found = ownedIn('incident/inc_1', opened);
    expect(found?.owner).toBe('account:alice');
    expect([...(found?.named ?? [])]).toEqual([
      ['alice', 'account:alice'],
      ['bob', 'account:bob'],
    ]);
    expect(ownedIn('incident/inc_1', { ...opened, data: { incident: {} } })?.owner).toBe(USUAL);
    const notice = (about: Json) =>
      ownedIn('notice/ntc_1', { type: 'notice.raised', v: 1, data: { notice: { about } } })?.owner;
    expect(notice({ type: 'execution', id: 'exe_1' })).toBe('stream:execution/exe_1');
    expect(notice({ type: 'constructor', id: 'exe_1' })).toBe(USUAL);
    expect(ownedIn('x', { type: 'access.user_saved', v: 1, data: { user: 'alice' } })?.owner).toBe(USUAL);
    expect(ownedIn('x', { type: 'journal.created', v: 1, data: {} })).toBeNull();
  });
});
