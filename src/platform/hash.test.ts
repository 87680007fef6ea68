import fc from 'fast-check';
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { contentHash, derivedId, hmacSha256, sha256, sha256Hex } from './hash.ts';

describe('SHA-256', () => {
  it('gives the published digests (FIPS 180-4 examples)', () => {
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex(new TextEncoder().encode('abc'))).toBe(sha256Hex('abc'));
  });

  it('gives the same for text and bytes, and as hexadecimal and bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = new TextEncoder().encode(text);
        expect(sha256(bytes)).toEqual(createHash('sha256').update(bytes).digest());
        expect(sha256Hex(text)).toBe(sha256(bytes).toString('hex'));
      }),
    );
  });

  it('hashes the bytes of a view only, not the buffer behind it', () => {
    const bytes = new TextEncoder().encode('xxabcxx');
    expect(sha256Hex(bytes.subarray(2, 5))).toBe(sha256Hex('abc'));
  });
});

describe('contentHash', () => {
  it('is the hash of the canonical form', () => {
    expect(contentHash({ b: 1, a: 2 })).toBe(sha256Hex('{"a":2,"b":1}'));
    expect(contentHash({ b: 1, a: 2 })).toBe(contentHash({ a: 2, b: 1 }));
    expect(() => contentHash({ a: 0.1 })).toThrow('/a is not a safe integer');
  });
});

describe('hmacSha256', () => {
  it('gives the result of RFC 4231 test case 2', () => {
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    expect(hmacSha256('Jefe', 'what do ya want for nothing?').toString('hex')).toBe(expected);
    expect(hmacSha256('k', 'd')).toEqual(createHmac('sha256', 'k').update('d').digest());
  });
});

describe('derivedId', () => {
  const SHAPE = /^exe_[0-9a-hjkmnp-tv-z]{26}$/;

  it('has its shape and is the same for the same parts', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), (parts) => {
        expect(derivedId('exe', ...parts)).toMatch(SHAPE);
        expect(derivedId('exe', ...parts)).toBe(derivedId('exe', ...parts));
      }),
    );
  });

  it('never changes: stored ids depend on it', () => {
    expect(derivedId('exe', 'inc_1', 'playbook_1', '0')).toBe('exe_vrwqtcfakets43wg88jxk04hzb');
    expect(derivedId('key')).toBe('key_tkspgrraxa1g1n9etzk8zcqsfd');
  });

  it('keeps the boundaries between parts', () => {
    expect(derivedId('x', 'ab', 'c')).not.toBe(derivedId('x', 'a', 'bc'));
    expect(derivedId('x', 'a')).not.toBe(derivedId('x', 'a', ''));
  });

  it('writes the last 130 of the first 136 bits of the digest, five to a character', () => {
    const digest = createHash('sha256').update('["a"]').digest();
    const bits = [...digest.subarray(0, 17)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
    const groups = bits.slice(6).match(/.{5}/g) ?? [];
    expect(derivedId('x', 'a')).toBe(`x_${groups.map((group) => alphabet.charAt(Number.parseInt(group, 2))).join('')}`);
  });
});
