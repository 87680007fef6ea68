import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedId } from '../../platform/hash.ts';
import { answerToken, isProven, readAnswerToken, type AnswerToken } from './answer-token.ts';

const KEY = Buffer.alloc(32, 7);
const claim = { approvalId: derivedId('apr', 'a'), userId: derivedId('usr', 'u'), expiresAt: 1_000 };
const token = answerToken(KEY, claim, 'hash');
const read = (text: string): AnswerToken => {
  const found = readAnswerToken(text);
  if (found === null) throw new Error('not a token');
  return found;
};

describe('the token of a link', () => {
  it('proves what it says, with its key and about its request only', () => {
    expect(read(token)).toMatchObject(claim);
    expect(isProven(KEY, read(token), 'hash')).toBe(true);
    expect(isProven(KEY, read(token), 'another')).toBe(false);
    expect(isProven(Buffer.alloc(32, 8), read(token), 'hash')).toBe(false);
    expect(answerToken(KEY, claim, 'hash')).toBe(token);
  });

  it('proves nothing when any of it was changed', () => {
    const others = { approvalId: derivedId('apr', 'b'), userId: derivedId('usr', 'v'), expiresAt: 1_001 };
    for (const [member, value] of Object.entries(others)) {
      expect(isProven(KEY, { ...read(token), [member]: value }, 'hash')).toBe(false);
    }
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('a', 'Z', '0', '9', '_', '-', '.'), (at, letter) => {
        fc.pre(token[at] !== letter);
        const forged = readAnswerToken(`${token.slice(0, at)}${letter}${token.slice(at + 1)}`);
        return forged === null || !isProven(KEY, forged, 'hash');
      }),
    );
  });

  it('is nothing else', () => {
    for (const text of ['', 'x', `${token}x`, token.slice(1), token.replace('.', '..'), token.toUpperCase()]) {
      expect(readAnswerToken(text)).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => readAnswerToken(text) === null));
  });
});
