import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sameText } from './same-text.ts';

it('says whether two texts are the same, as they are written', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (left, right) => sameText(left, right) === (left === right)));
  expect(sameText('ab'.repeat(32), 'ab'.repeat(32))).toBe(true);
  // Both are the same byte in base64url, and in hexadecimal.
  expect(sameText('AA', 'AB')).toBe(false);
  expect(sameText('AB', 'ab')).toBe(false);
});
