import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { FIRST_PREV, sealRecord } from './record.ts';
import { examineRecord } from './verify-record.ts';

const sealed = sealRecord({
  at: 1_780_000_000_000,
  data: { n: 1 },
  prev: FIRST_PREV,
  seq: 2,
  stream: 'config',
  type: 'config.changed',
  v: 1,
});

/** The record with other members (undefined: without it), in canonical form. */
function withMembers(change: Readonly<Record<string, unknown>>): string {
  const members = Object.entries({ ...sealed.record, ...change }).filter(([, value]) => value !== undefined);
  return canonicalJson(Object.fromEntries(members));
}

function faultOf(bytes: string | Uint8Array): string | null {
  return examineRecord({ bytes }).fault;
}

describe('a record by itself', () => {
  it('is fine, as text or as bytes, and says what it is', () => {
    const { record, bytes, hash } = sealed;
    for (const stored of [{ bytes }, { bytes: Buffer.from(bytes) }, { bytes, hash, stream: 'config', seq: 2 }]) {
      expect(examineRecord(stored)).toEqual({
        text: bytes,
        hash,
        name: { stream: 'config', seq: 2 },
        prev: FIRST_PREV,
        at: record.at,
        fault: null,
      });
    }
  });

  it('may hold members of a later version', () => {
    expect(faultOf(withMembers({ later: { x: 1 } }))).toBe(null);
    expect(faultOf(withMembers({ v: 99 }))).toBe(null);
  });

  it.each([
    ['stream', [undefined, '', 7, null, ['config']]],
    ['seq', [undefined, 0, -1, '2', null]],
  ] as const)('names itself: %s', (member, wrong) => {
    for (const value of wrong) {
      expect(examineRecord({ bytes: withMembers({ [member]: value }) })).toMatchObject({
        name: null,
        fault: 'has no valid "stream" and "seq"',
      });
    }
  });

  it.each([
    ['type', [undefined, '', 7, null]],
    ['v', [undefined, '1', null]],
    ['at', [undefined, '0', null]],
    ['prev', [undefined, '', '0'.repeat(63), 'G'.repeat(64), 7, null]],
    ['data', [undefined, null, 'text', 7, true, [], [1]]],
  ] as const)('holds a valid %s', (member, wrong) => {
    for (const value of wrong) {
      const examined = examineRecord({ bytes: withMembers({ [member]: value }) });
      expect(examined).toMatchObject({ name: { stream: 'config', seq: 2 }, fault: `has no valid "${member}"` });
    }
  });

  it('holds whole numbers', () => {
    for (const [member, text] of [
      ['v', '1.5'],
      ['at', '1.5'],
      ['at', '1e300'],
    ] as const) {
      const from = `"${member}":${member === 'v' ? 1 : sealed.record.at}`;
      expect(sealed.bytes).toContain(from);
      expect(faultOf(sealed.bytes.replace(from, `"${member}":${text}`))).toBe(`has no valid "${member}"`);
    }
  });

  it('keeps what it says of its link even when it is wrong', () => {
    const examined = examineRecord({ bytes: withMembers({ type: '' }) });
    expect(examined).toMatchObject({ prev: FIRST_PREV, at: sealed.record.at });
    expect(examineRecord({ bytes: withMembers({ prev: 7, at: 'x' }) })).toMatchObject({ prev: '', at: 0 });
  });

  it('is UTF-8, JSON, and in canonical form', () => {
    const not = (text: string): object => ({ hash: sha256Hex(text), text, prev: '', at: 0 });
    expect(examineRecord({ bytes: Uint8Array.of(0x7b, 0xff, 0x7d) })).toEqual({
      text: null,
      hash: '',
      name: null,
      prev: '',
      at: 0,
      fault: 'is not UTF-8 text',
    });
    expect(faultOf('\ud800')).toBe('is not UTF-8 text');
    for (const text of ['', '{', 'undefined']) {
      expect(examineRecord({ bytes: text })).toEqual({ ...not(text), name: null, fault: 'is not JSON' });
    }
    for (const text of ['7', 'null', '[]', '"x"']) expect(faultOf(text)).toBe('has no valid "stream" and "seq"');
    expect(faultOf(` ${sealed.bytes}`)).toBe('is not in canonical form');
    expect(faultOf(sealed.bytes.replace('"n":1', '"n":1.5'))).toContain('is not in canonical form: ');
  });

  it('lies where its bytes say that it belongs', () => {
    const fault = 'lies where another record belongs: its bytes name another stream or number';
    const { bytes } = sealed;
    expect(examineRecord({ bytes, stream: 'config', seq: 3 })).toMatchObject({ name: { seq: 3 }, fault });
    expect(examineRecord({ bytes, stream: 'access', seq: 2 })).toMatchObject({ name: { stream: 'access' }, fault });
  });

  it('is named by its columns when its bytes say nothing', () => {
    for (const bytes of ['{', Uint8Array.of(0xff), '7']) {
      expect(examineRecord({ bytes, stream: 'config', seq: 2 }).name).toEqual({ stream: 'config', seq: 2 });
    }
  });

  it('has the hash that is stored beside it', () => {
    const { bytes, hash } = sealed;
    expect(examineRecord({ bytes, hash: sha256Hex('x') }).fault).toBe('has another hash than the one stored beside it');
    expect(examineRecord({ bytes, hash: hash.toUpperCase() }).fault).not.toBe(null);
  });
});
