import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulesMarkdown } from './rules-markdown.ts';

const PAGE = new URL('../../docs/deadlines.md', import.meta.url);

/** Without what a formatter pads tables with. */
const plain = (text: string): string =>
  text
    .replaceAll(/ +\|/g, ' |')
    .replaceAll(/\| +/g, '| ')
    .replaceAll(/-{3,}/g, '---')
    .replaceAll(/_([a-z_]+)_(?=[ ,<|])/g, '*$1*')
    .trim();

it('shows in the documentation the rules that there are', () => {
  const page = readFileSync(PAGE, 'utf8');
  const shown = /<!-- rules -->([\s\S]*)<!-- end -->/.exec(page)?.[1] ?? '';
  expect(plain(shown)).toBe(plain(rulesMarkdown()));
});
