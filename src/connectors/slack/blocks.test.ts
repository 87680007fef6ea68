import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HOSTILE, hostileMessage, manyNotices, messageOf } from '../../../tests/support/notices.ts';
import { slackMessage } from './blocks.ts';

/** Slack's own limits, written down apart from the code under test. */
const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.literal(false) });
const BUTTON = z.strictObject({
  type: z.literal('button'),
  action_id: z.string().max(255),
  text: plainText(75),
  url: z.url().max(3_000).optional(),
  value: z.string().max(2_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  confirm: z
    .strictObject({ title: plainText(100), text: plainText(300), confirm: plainText(30), deny: plainText(30) })
    .optional(),
});
const MESSAGE = z.strictObject({
  text: z.string().min(1).max(4_000),
  unfurl_links: z.literal(false),
  unfurl_media: z.literal(false),
  blocks: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('header'), text: plainText(150) }),
        z.strictObject({ type: z.literal('section'), text: plainText(3_000) }),
        z.strictObject({ type: z.literal('actions'), elements: z.array(BUTTON).min(1).max(25) }),
      ]),
    )
    .max(50),
});

function sent(message: Parameters<typeof slackMessage>[0], buttons = true) {
  const { blocks, ...rest } = MESSAGE.parse(JSON.parse(JSON.stringify(slackMessage(message, buttons))));
  const texts = blocks.flatMap((block) => (block.type === 'actions' ? [] : [block.text.text]));
  return {
    ...rest,
    blocks,
    texts,
    buttons: blocks.flatMap((block) => (block.type === 'actions' ? block.elements : [])),
  };
}

describe('a Slack message', () => {
  it('asks with buttons that carry exactly what is asked, and asks again before it answers', () => {
    const { texts, buttons } = sent(messageOf());
    expect(texts[0]).toBe('HIGH: Suspend mara@example.org?');
    expect(texts[1]).toContain('Action: ACCOUNT_SUSPEND');
    expect(buttons.map(({ action_id: id }) => id)).toEqual(['firebreak_approve', 'firebreak_deny', 'firebreak_view']);
    const value = { approvalId: 'apr_1', executionId: 'exe_1', intentHash: 'a'.repeat(64) };
    for (const button of buttons.slice(0, 2)) {
      expect(JSON.parse(button.value ?? '')).toEqual(value);
      expect(button.confirm?.text.text).toContain('Suspend mara@example.org?');
    }
    expect(buttons[2]).toMatchObject({ url: 'https://firebreak.example.org/approvals/apr_1' });
  });

  it('only links when answers cannot be checked, when nothing is asked, or when not all of it is shown', () => {
    const onlyLink = ['firebreak_view'];
    const idsOf = (...given: Parameters<typeof sent>) => sent(...given).buttons.map(({ action_id: id }) => id);
    expect(idsOf(messageOf(), false)).toEqual(onlyLink);
    expect(idsOf(messageOf({ ask: null }))).toEqual(onlyLink);
    expect(idsOf(messageOf({ lines: ['x'.repeat(5_000)] }))).toEqual(onlyLink);
    // Fits before it is escaped and not after.
    expect(idsOf(messageOf({ lines: ['&'.repeat(900)] }))).toEqual(onlyLink);
    expect(idsOf(messageOf({ lines: ['&'.repeat(90)] }))).toHaveLength(3);
    expect(idsOf(messageOf({ ask: null, viewUrl: null }))).toEqual([]);
  });

  it('fits the limits as a digest, with the buttons of each approval', () => {
    const { texts, buttons, blocks } = sent(messageOf(...manyNotices(500)));
    expect(texts[0]).toBe('HIGH: 500 approvals wait, the most severe: Suspend user 499?');
    expect(texts.at(-1)).toBe('… and 480 more.');
    expect(blocks).toHaveLength(42);
    const values = buttons.flatMap(({ value }) => (value === undefined ? [] : [value]));
    expect(new Set(values).size).toBe(20);
  });

  it.each(HOSTILE.map((text) => [JSON.stringify(text.slice(0, 40)), text]))('has no markup made of %s', (_, text) => {
    for (const message of [hostileMessage(text), messageOf(...manyNotices(30, { title: text }))]) {
      const { texts, text: fallback, buttons } = sent(message);
      const confirms = buttons.flatMap(({ confirm }) => (confirm === undefined ? [] : [confirm.text.text]));
      for (const shown of [...texts, fallback, ...confirms]) {
        // Slack reads its markup by these three; each may only stand in an escape, and no escape is cut.
        expect(shown).not.toMatch(/[<>]/);
        expect(shown.replace(/&(?:amp|lt|gt);/g, '')).not.toContain('&');
      }
    }
  });
});
