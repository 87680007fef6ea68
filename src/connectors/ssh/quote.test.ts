import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quoted } from './quote.ts';

/** What a shell makes of the words: each one ended by NUL. */
function wordsOf(line: string): string[] {
  const output = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

const hostile = fc.constantFrom(
  "'",
  '"',
  '`',
  '$(id)',
  '$HOME',
  '\\',
  '\n',
  ';',
  '&&',
  '|',
  '>',
  '*',
  '~',
  '#',
  '!',
  ' ',
  '-',
  '\u{1F525}',
  '\u202e',
  "'\\''",
);
const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
  fc.array(hostile, { maxLength: 12 }).map((parts) => parts.join('')),
);

it('gives a real shell exactly the words that were meant', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      expect(wordsOf(words.map(quoted).join(' '))).toEqual(words);
    }),
    { numRuns: 60 },
  );
});

it('refuses what no argument can hold', () => {
  expect(() => quoted('a\0b')).toThrow(RangeError);
  expect(() => quoted('\ud800')).toThrow(RangeError);
});
