import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundId, boundText, canonicalIdentity, MAX_IDENTITY_LENGTH } from './text.ts';

describe('boundText', () => {
  it('makes control characters, separators and direction marks visible', () => {
    expect(boundText('a\u0000b\u202ecod.exe\u2028', 100)).toBe('a\ufffdb\ufffdcod.exe\ufffd');
    expect(boundText('one\r\ntwo\tthree', 100)).toBe('one  two three');
  });

  it('replaces lone surrogates and never cuts a character in two', () => {
    expect(boundText('x\ud800y', 100)).toBe('x\ufffdy');
    expect(boundText('ab\u{1f600}', 3)).toBe('ab');
    expect(boundText('ab\u{1f600}', 4)).toBe('ab\u{1f600}');
  });

  it('is well-formed, bounded and stable for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, max) => {
        const bounded = boundText(text, max);
        expect(bounded.isWellFormed()).toBe(true);
        expect(bounded.length).toBeLessThanOrEqual(max);
        expect(boundText(bounded, max)).toBe(bounded);
      }),
    );
  });
});

describe('boundId', () => {
  it('keeps clean ids as they are, with their case', () => {
    expect(boundId('00uTTidj01jqL21aM1d6')).toBe('00uTTidj01jqL21aM1d6');
  });

  it('names long and unclean ids by hash, so that different ids stay different', () => {
    const long = 'x'.repeat(300);
    expect(boundId(`${long}1`)).not.toBe(boundId(`${long}2`));
    expect(boundId('a\u0000')).not.toBe(boundId('a\u0001'));
    expect(boundId('a\ud800')).not.toBe(boundId('a\ud801'));
    expect(boundId(long)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe('canonicalIdentity', () => {
  it('makes one identity of case, composition and outer white space', () => {
    expect(canonicalIdentity(' Alice@ACME.example ')).toBe('alice@acme.example');
    expect(canonicalIdentity('Ame\u0301lie')).toBe(canonicalIdentity('AM\u00c9LIE'));
    // Only the lower-case letter has a composed form.
    expect(canonicalIdentity('H\u0331')).toBe('\u1e96');
    expect(canonicalIdentity('  ')).toBeNull();
  });

  it('does not let an invisible mark pass for the plain name', () => {
    expect(canonicalIdentity('alice\u200e')).not.toBe('alice');
  });

  it('changes nothing when applied twice, and stays bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        const once = canonicalIdentity(text);
        if (once === null) return;
        expect(canonicalIdentity(once)).toBe(once);
        expect(once.length).toBeLessThanOrEqual(MAX_IDENTITY_LENGTH);
      }),
    );
  });
});
