import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { MAX_EVENT_BYTES, MAX_EVENTS_PER_BATCH } from '../../platform/limits.ts';
import { parseBatch } from './parse-batch.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (part: Uint8Array) => new TextDecoder().decode(part);
const json = (body: string) => parseBatch(bytes(body), 'json');
const ndjson = (body: string) => parseBatch(bytes(body), 'ndjson');

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FirebreakError) return error.code;
    throw error;
  }
  return 'none';
}

/** JSON written with odd white space and escapes: what the slicer must see through. */
const looseJson = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\t', '\n', '\r\n  '))
  .map(([value, space]) => JSON.stringify(value, null, space.trim() === '' ? space.length : 0))
  // A forbidden name is refused for its own reason; it has its own tests.
  .filter((json) => !json.includes('__proto__'));

describe('one value', () => {
  it('is one event with its exact bytes, without outer white space', () => {
    const { members, rejected, unit } = json('\ufeff \n {"id" : "a",  "n": 1.0}\r\n');
    expect(unit).toBe('index');
    expect(rejected).toEqual([]);
    expect(members.map((each) => text(each.bytes))).toEqual(['{"id" : "a",  "n": 1.0}']);
    expect(members[0]).toMatchObject({ position: 0, json: { id: 'a', n: 1 } });
  });

  it('that is not JSON refuses the request', () => {
    for (const body of [
      '',
      '  ',
      '{',
      '{"a":1',
      '{"a":1}}',
      'nope',
      '"open',
      '[1,2',
      '[1]]',
      '[1} ',
      '[1] x',
      '{"a":1} {"b":2}',
    ]) {
      expect(
        codeOf(() => json(body)),
        body,
      ).toBe('malformed_json');
    }
    expect(codeOf(() => parseBatch(Uint8Array.of(0x22, 0xff, 0x22), 'json'))).toBe('malformed_json');
  });
});

describe('a list', () => {
  it('gives each member its own bytes', () => {
    const { members } = json('[ {"a":"],[{"} ,\n {"b":"\\"}]"},[ ] , "x\\\\" ,null]');
    expect(members.map((each) => text(each.bytes))).toEqual([
      '{"a":"],[{"}',
      '{"b":"\\"}]"}',
      '[ ]',
      '"x\\\\"',
      'null',
    ]);
    expect(members.map((each) => each.position)).toEqual([0, 1, 2, 3, 4]);
  });

  it('rejects a broken member alone, by its index', () => {
    const { members, rejected } = json('[{"a":1},{"b":],{"c":tru},,{"d":4},]');
    expect(members.map((each) => each.position)).toEqual([0, 4]);
    expect(rejected.map((each) => each.position)).toEqual([1, 2, 3, 5]);
    expect(rejected.map((each) => each.reason)).toContain('the event is not valid JSON');
    expect(json('[]').members).toEqual([]);
    expect(json('[ \n ]').rejected).toEqual([]);
  });

  it('is cut exactly where JSON.parse sees its members', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t \r');
    const item = fc.tuple(space, looseJson, space).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        const body = `[${items.join(',')}]`;
        const { members, rejected } = json(body);
        expect(rejected).toEqual([]);
        expect(members.map((each) => each.json)).toEqual(JSON.parse(body));
        expect(members.map((each) => text(each.bytes))).toEqual(
          items.map((each) => each.replace(/^[ \n\r\t]+|[ \n\r\t]+$/g, '')),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('accepts all of a body only when JSON.parse accepts the body, for any damage', () => {
    const characters = fc.constantFrom(...'[]{}",:\\ 1ate-\n'.split(''));
    fc.assert(
      fc.property(
        fc.array(looseJson, { minLength: 1, maxLength: 4 }),
        fc.nat(200),
        characters,
        fc.boolean(),
        (items, at, character, insert) => {
          const whole = `[${items.join(',')}]`;
          const place = at % whole.length;
          const damaged = whole.slice(0, place) + character + whole.slice(insert ? place : place + 1);
          if (!damaged.startsWith('[')) return;
          const parsed = attempt(() => JSON.parse(damaged));
          const batch = attempt(() => json(damaged));
          if (parsed.ok) expect(batch).toMatchObject({ ok: true, value: { rejected: [] } });
          if (batch.ok && batch.value.rejected.length === 0) {
            expect(parsed.ok).toBe(true);
            expect(batch.value.members.map((each) => each.json)).toEqual(parsed.ok ? parsed.value : null);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('answers any bytes with a batch or a FirebreakError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.string({ unit: fc.constantFrom(...'[]{}",:\\ 1a'.split('')), maxLength: 40 }),
        (noise, almost) => {
          for (const body of [noise, bytes(almost)]) {
            expect(['none', 'malformed_json']).toContain(codeOf(() => parseBatch(body, 'json')));
            expect(codeOf(() => parseBatch(body, 'ndjson'))).toBe('none');
          }
        },
      ),
    );
  });
});

function attempt<Value>(run: () => Value): { ok: true; value: Value } | { ok: false } {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof FirebreakError) return { ok: false };
    throw error;
  }
}

describe('NDJSON', () => {
  it('numbers lines from 1, blank ones too, and rejects a bad line alone', () => {
    const { members, rejected, unit } = ndjson('{"a":1}\r\n\n  \nnope\n{"b":2}');
    expect(unit).toBe('line');
    expect(members.map((each) => [each.position, text(each.bytes)])).toEqual([
      [1, '{"a":1}'],
      [5, '{"b":2}'],
    ]);
    expect(rejected).toMatchObject([{ position: 4, reason: 'the event is not valid JSON', pointer: '' }]);
    expect(ndjson('').members).toEqual([]);
  });

  it('gives an event the same bytes, and so the same hash, as a list does', () => {
    const event = '{"id":"x" ,"é":"\\u00e9"}';
    const hashes = [ndjson(`${event}\n`), json(`[ ${event} ]`), json(event), json(`{"Records":[${event}]}`)].map(
      (batch) => sha256Hex(batch.members[0]?.bytes ?? ''),
    );
    expect(new Set(hashes).size).toBe(1);
    expect(hashes[0]).toBe(sha256Hex(bytes(event)));
  });
});

describe('envelopes', () => {
  it.each([
    ['CloudTrail', '{"Records":[{"n":1},{"n":2}]}'],
    ['Azure Monitor', '{"records":[{"n":1},{"n":2}]}'],
    ['Google', '{"kind":"admin#reports#activities","etag":"x","items":[{"n":1},{"n":2}],"nextPageToken":"t"}'],
    ['Microsoft Graph', '{"@odata.context":"https://graph.example/$metadata","value":[{"n":1},{"n":2}]}'],
    ['Okta event hook', '{"eventType":"com.okta.event_hook","data":{"events":[{"n":1},{"n":2}]}}'],
  ])('of %s are opened', (_name, body) => {
    expect(json(body).members.map((each) => text(each.bytes))).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('are told from events that only look alike', () => {
    for (const body of [
      '{"Records":[1],"kind":"login"}',
      '{"Records":{}}',
      '{"items":[1]}',
      '{"value":[1]}',
      '{"data":{"events":[1]}}',
      '{}',
    ]) {
      expect(json(body).members).toHaveLength(1);
    }
  });

  it('may be empty, and mean their last member of a name', () => {
    expect(json('{"kind":"admin#reports#activities","etag":"x"}').members).toEqual([]);
    expect(json('{"Records":[]}').members).toEqual([]);
    expect(
      json('{"kind":"admin#reports#activities","items":[1],"items":[2,3]}').members.map((each) => each.json),
    ).toEqual([2, 3]);
  });
});

describe('limits', () => {
  it('refuse more events than a batch may hold, in every packing', () => {
    const many = (count: number) => Array.from({ length: count }, () => '1');
    expect(json(`[${many(MAX_EVENTS_PER_BATCH).join(',')}]`).members).toHaveLength(MAX_EVENTS_PER_BATCH);
    expect(codeOf(() => json(`[${many(MAX_EVENTS_PER_BATCH + 1).join(',')}]`))).toBe('batch_too_large');
    expect(codeOf(() => ndjson(many(MAX_EVENTS_PER_BATCH + 1).join('\n')))).toBe('batch_too_large');
    expect(codeOf(() => json(`{"Records":[${many(MAX_EVENTS_PER_BATCH + 1).join(',')}]}`))).toBe('batch_too_large');
  });

  it('reject an event that is too long alone', () => {
    const fits = `"${'x'.repeat(MAX_EVENT_BYTES - 2)}"`;
    const { members, rejected } = json(`[${fits},"${'x'.repeat(MAX_EVENT_BYTES - 1)}",1]`);
    expect(members.map((each) => each.position)).toEqual([0, 2]);
    expect(rejected).toMatchObject([{ position: 1, reason: `the event is longer than ${MAX_EVENT_BYTES} bytes` }]);
    expect(json(`{"a":"${'x'.repeat(MAX_EVENT_BYTES)}"}`).rejected).toHaveLength(1);
  });

  it('reject what is not UTF-8 alone', () => {
    const body = Uint8Array.of(...bytes('[1,"'), 0xc3, 0x28, ...bytes('",3]'));
    const { members, rejected } = parseBatch(body, 'json');
    expect(members.map((each) => each.json)).toEqual([1, 3]);
    expect(rejected).toMatchObject([{ position: 1, reason: 'the event is not UTF-8' }]);
  });

  it('survive nesting as deep as the request is long', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(json(`[${deep},1]`).members).toHaveLength(2);
    expect(codeOf(() => json('['.repeat(1_000_000)))).toBe('malformed_json');
  });
});

describe('forbidden names', () => {
  it('reject the event alone, with a pointer, also behind an escape', () => {
    const { members, rejected } = json(
      '[{"a":[{"__proto__":1}]},{"\\u005f_proto__":{}},{"a":"__proto__"},{"constructor":1}]',
    );
    expect(rejected.map((each) => [each.position, each.pointer])).toEqual([
      [0, '/a/0/__proto__'],
      [1, '/__proto__'],
    ]);
    expect(members.map((each) => each.position)).toEqual([2, 3]);
  });

  it('duplicate names mean the last one', () => {
    expect(json('{"a":1,"a":2}').members[0]?.json).toEqual({ a: 2 });
  });
});
