import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manyNotices, messageOf, noticeOf, UNPRINTABLE } from '../../../tests/support/notices.ts';
import { digestTitle, severest } from './digest-title.ts';
import { oneLine } from './one-line.ts';
import { MAX_LISTED, shownMessage, type Room } from './shown-message.ts';

const ROOM: Room = {
  notices: MAX_LISTED,
  titleLength: 100,
  lines: 3,
  lineLength: 100,
  facts: 3,
  labelLength: 20,
  valueLength: 50,
};

describe('oneLine', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 300 });

  it('is printable, well-formed, of one line and no longer than asked, and says whether it is whole', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 80 }), (text, max) => {
        const line = oneLine(text, max);
        expect(line.text.length).toBeLessThanOrEqual(max);
        expect(line.text.isWellFormed()).toBe(true);
        expect(UNPRINTABLE.test(line.text) || line.text.includes('\n')).toBe(false);
        expect(line.text.endsWith('…') || line.whole).toBe(true);
        expect(oneLine(line.text, max).text).toBe(line.text);
      }),
    );
  });

  it('keeps ordinary text as it is', () => {
    expect(oneLine('Suspend "müller" <m@example.org> & co? 👍', 100)).toEqual({
      text: 'Suspend "müller" <m@example.org> & co? 👍',
      whole: true,
    });
    expect(oneLine('  two\r\n\tlines  ', 100).text).toBe('two lines');
    expect(oneLine('x👍👍', 4)).toEqual({ text: 'x👍…', whole: false });
    expect(oneLine('\u202eexe.gpj', 100).text).toBe('\ufffdexe.gpj');
  });
});

describe('the title of a message', () => {
  const failed = { kind: 'execution.failed', about: { type: 'execution', id: 'exe_9' }, title: 'It failed' } as const;

  it('is that of the one notice', () => {
    expect(digestTitle([noticeOf()])).toBe('Suspend mara@example.org?');
  });

  it('counts things, not news of them, and names the most severe', () => {
    const [first = {}, ...others] = manyNotices(12);
    const notices = [{ ...first, severity: 'CRITICAL', title: 'The worst' } as const, ...others].map(noticeOf);
    expect(digestTitle(notices)).toBe('12 approvals wait, the most severe: The worst');
    const reminder = noticeOf({ ...others[0], kind: 'approval.reminder' });
    expect(digestTitle([...notices, reminder])).toBe('12 approvals wait, the most severe: The worst');
  });

  it('is the newest one when all is about one thing', () => {
    expect(digestTitle([noticeOf(), noticeOf({ kind: 'approval.decided', title: 'Denied' })])).toBe('Denied');
  });

  it('says notices when they are of different kinds', () => {
    expect(digestTitle([noticeOf(), noticeOf(failed)])).toBe('2 notices, the most severe: It failed');
    expect(severest([noticeOf({ severity: 'LOW' }), noticeOf({ severity: 'CRITICAL' }), noticeOf()]).severity).toBe(
      'CRITICAL',
    );
  });
});

describe('what is shown', () => {
  it('lists as many as there is room for, and says how many more', () => {
    expect(shownMessage(messageOf(...manyNotices(MAX_LISTED)), ROOM)).toMatchObject({ more: 0 });
    const shown = shownMessage(messageOf(...manyNotices(500)), ROOM);
    expect(shown.notices).toHaveLength(MAX_LISTED);
    expect(shown.more).toBe(500 - MAX_LISTED);
    expect(shown.title).toMatch(/^500 approvals wait/);
  });

  it.each([
    ['the title', { title: 'x'.repeat(101) }],
    ['a paragraph', { lines: ['x'.repeat(101)] }],
    ['the number of paragraphs', { lines: ['1', '2', '3', '4'] }],
    ['a label', { facts: [{ label: 'x'.repeat(21), value: '' }] }],
    ['a value', { facts: [{ label: '', value: 'x'.repeat(51) }] }],
    ['the number of facts', { facts: Array.from({ length: 4 }, () => ({ label: 'a', value: 'b' })) }],
  ])('is not whole when %s was shortened', (_, changes) => {
    expect(shownMessage(messageOf({}), ROOM).notices[0]?.whole).toBe(true);
    expect(shownMessage(messageOf(changes), ROOM).notices[0]?.whole).toBe(false);
  });

  it('links to nothing but pages', () => {
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      'not a url',
      `https://x/${'y'.repeat(1_000)}`,
      null,
    ]) {
      const [notice] = shownMessage(messageOf({ viewUrl: url, answerUrl: url }), ROOM).notices;
      expect([notice?.viewUrl, notice?.answerUrl]).toEqual([null, null]);
    }
    const [notice] = shownMessage(messageOf({ viewUrl: 'https://x.example/"><b>' }), ROOM).notices;
    expect(notice?.viewUrl).toBe('https://x.example/%22%3E%3Cb%3E');
  });
});
