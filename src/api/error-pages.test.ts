import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../platform/errors.ts';
import { errorsMarkdown } from './error-pages.ts';
import { harness } from './fake-services.ts';

const PAGE = new URL('../../docs/errors.md', import.meta.url);

describe('docs/errors.md', () => {
  it('is what the code says', () => {
    expect(existsSync(PAGE)).toBe(true);
    expect(readFileSync(PAGE, 'utf8')).toBe(errorsMarkdown());
  });

  it('has a section for each error code, and the type of a problem leads to the same text', async () => {
    const { server } = await harness();
    const sections = readFileSync(PAGE, 'utf8').split('\n## ');
    for (const [code, { status, title }] of Object.entries(ERRORS)) {
      const section = sections.find((text) => text.startsWith(`${code}\n`));
      expect(section, code).toContain(`**${status}** ${title}`);
      const page = (await server.inject({ url: `/errors/${code}` })).json<{ data: { meaning: string; fix: string } }>();
      expect(section).toContain(page.data.meaning);
      expect(section).toContain(page.data.fix);
    }
  });
});
