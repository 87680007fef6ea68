import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesOfBase64Url } from './base64url.ts';

it('reads what Node writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(bytesOfBase64Url(Buffer.from(bytes).toString('base64url'))).toEqual(bytes);
    }),
  );
});

it.each(['a', 'abcde', 'ab=', 'a+b/', 'ab c', 'é', 'ab\n'])('takes %j for none', (text) => {
  expect(bytesOfBase64Url(text)).toBeNull();
});
