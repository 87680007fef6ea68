import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from './html.ts';

/** What a browser reads of escaped text. */
const read = (text: string): string =>
  text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));

describe('html', () => {
  it('never lets a value become markup, in text or in an attribute, and a browser reads it as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (shown, raw) => {
        for (const value of [shown, raw, `"><script>${shown}</script>`, `' onfocus='${raw}`]) {
          const text = html`${value}`.toString();
          expect(text).not.toMatch(/[<>"'`]/);
          expect(text).not.toMatch(/&(?!#\d+;)/);
          // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
          expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/);
        }
        const plain = shown.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '');
        expect(read(html`${plain}`.toString())).toBe(plain);
      }),
    );
  });

  it('escapes values in lists and in numbers, keeps what it made itself, and leaves out nothing but null', () => {
    // Written without the tags that the formatter would lay out anew.
    const item = html`[${'<b>'}]`;
    expect(html`${[item, '&', 7, null]}`.toString()).toBe('[&#60;b&#62;]&#38;7');
  });

  it('shows what would turn the direction of writing', () => {
    expect(html`${'user\u202egnp.exe'}`.toString()).toBe('user⟨U+202E⟩gnp.exe');
  });
});
