import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HOSTILE, hostileMessage, manyNotices, messageOf } from '../../../tests/support/notices.ts';
import { teamsPost } from './card.ts';

/** The part of Adaptive Cards 1.4 that is used, written down apart from the code under test. */
const RUN = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string(),
  weight: z.literal('bolder').optional(),
  size: z.literal('large').optional(),
});
const RICH_TEXT = z.strictObject({ type: z.literal('RichTextBlock'), inlines: z.array(RUN).min(1) });
const OPEN_URL = z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.literal('Look at it'), url: z.url() });
const ACTION_SET = z.strictObject({ type: z.literal('ActionSet'), actions: z.array(OPEN_URL).min(1) });
const CONTAINER = z.strictObject({
  type: z.literal('Container'),
  separator: z.literal(true),
  items: z.array(z.union([RICH_TEXT, ACTION_SET])),
});
const POST = z.strictObject({
  type: z.literal('message'),
  attachments: z.tuple([
    z.strictObject({
      contentType: z.literal('application/vnd.microsoft.card.adaptive'),
      contentUrl: z.null(),
      content: z.strictObject({
        $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
        type: z.literal('AdaptiveCard'),
        version: z.literal('1.4'),
        msteams: z.strictObject({ width: z.literal('Full') }),
        body: z.array(z.union([RICH_TEXT, CONTAINER])).min(1),
      }),
    }),
  ]),
});

/** A workflow takes 28 KB. */
const MAX_BYTES = 28 * 1024;

function posted(message: Parameters<typeof teamsPost>[0]) {
  const text = teamsPost(message);
  expect(Buffer.byteLength(text)).toBeLessThan(MAX_BYTES);
  const { body } = POST.parse(JSON.parse(text)).attachments[0].content;
  const items = body.flatMap((item) => (item.type === 'Container' ? item.items : [item]));
  return {
    texts: items.flatMap((item) => (item.type === 'ActionSet' ? [] : [item.inlines.map((run) => run.text).join('')])),
    urls: items.flatMap((item) => (item.type === 'ActionSet' ? item.actions.map(({ url }) => url) : [])),
  };
}

describe('a Teams card', () => {
  it('says what it is about and links to it', () => {
    expect(posted(messageOf())).toEqual({
      texts: [
        'HIGH: Suspend mara@example.org?',
        'Two places in 12 minutes that no flight covers.',
        'Action: ACCOUNT_SUSPEND',
        'Target: user mara',
      ],
      urls: ['https://firebreak.example.org/approvals/apr_1'],
    });
    expect(posted(messageOf({ viewUrl: null })).urls).toEqual([]);
  });

  it('lists a bounded part of a digest', () => {
    const { texts, urls } = posted(messageOf(...manyNotices(500)));
    expect(texts[0]).toBe('HIGH: 500 approvals wait, the most severe: Suspend user 499?');
    expect(texts.at(-1)).toBe('… and 480 more.');
    expect(urls).toHaveLength(20);
  });

  it('fits a workflow with the longest texts, links and characters', () => {
    const long = '\u{1f600}'.repeat(5_000);
    const facts = Array.from({ length: 50 }, () => ({ label: long, value: `"\\${long}` }));
    const viewUrl = `https://firebreak.example.org/${'x'.repeat(960)}`;
    const notice = { title: long, lines: Array.from({ length: 50 }, () => long), facts, viewUrl };
    expect(posted(messageOf(notice)).urls).toEqual([viewUrl]);
    expect(posted(messageOf(...manyNotices(500, notice))).texts.at(-1)).toMatch(/^… and \d+ more\.$/);
  });

  it.each(HOSTILE.map((text) => [JSON.stringify(text.slice(0, 40)), text]))('knows no markup made of %s', (_, text) => {
    // The schema lets through only elements without markdown; what is left are the functions of any text.
    for (const shown of posted(hostileMessage(text)).texts) expect(shown).not.toContain('{{');
    posted(messageOf(...manyNotices(30, { title: text })));
  });

  it('shows markdown as it was written', () => {
    const [, markdown = ''] = posted(messageOf({ lines: ['[x](https://evil.example) **b** <at>all</at>'] })).texts;
    expect(markdown).toBe('[x](https://evil.example) **b** <at>all</at>');
  });
});
