import type { OutgoingMessage, OutgoingNotice } from '../../src/pipeline/notifications/contract.ts';

/** Notices and messages for tests of senders. */

export function noticeOf(changes: Partial<OutgoingNotice> = {}): OutgoingNotice {
  return {
    kind: 'approval.requested',
    severity: 'HIGH',
    title: 'Suspend mara@example.org?',
    lines: ['Two places in 12 minutes that no flight covers.'],
    facts: [
      { label: 'Action', value: 'ACCOUNT_SUSPEND' },
      { label: 'Target', value: 'user mara' },
    ],
    about: { type: 'approval', id: 'apr_1' },
    ask: { approvalId: 'apr_1', executionId: 'exe_1', intentHash: 'a'.repeat(64), expiresAt: 0 },
    viewUrl: 'https://firebreak.example.org/approvals/apr_1',
    answerUrl: 'https://firebreak.example.org/answer/only-for-this-reader',
    ...changes,
  };
}

export function messageOf(...notices: readonly Partial<OutgoingNotice>[]): OutgoingMessage {
  const all = notices.length === 0 ? [{}] : notices;
  return { id: 'msg_1', to: 'ana@example.org', notices: all.map((notice) => noticeOf(notice)) };
}

/** `count` notices about different approvals. */
export function manyNotices(count: number, changes: Partial<OutgoingNotice> = {}): Partial<OutgoingNotice>[] {
  return Array.from({ length: count }, (_, index) => ({
    title: `Suspend user ${index}?`,
    about: { type: 'approval', id: `apr_${index}` },
    ask: { approvalId: `apr_${index}`, executionId: `exe_${index}`, intentHash: 'b'.repeat(64), expiresAt: 0 },
    ...changes,
  }));
}

/** What attackers write into fields of events. */
export const HOSTILE: readonly string[] = [
  'Subject\r\nBcc: evil@example.net\r\n\r\nbody',
  'a\nb\u2028c\u2029d\u0085e\u000bf',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '<!everyone> <!channel> <!here> <@U0123ABCD> <#C0123> <https://evil.example|your bank>',
  '[your bank](https://evil.example) **bold** _under_ `code` # head\n- item ![x](https://evil.example/i.png)',
  '{{DATE(2017-02-14T06:00:00Z,SHORT)}} {{TIME(2017-02-14T06:00:00Z)}} ${expression} <at>everyone</at>',
  '\u202egnp.exe\u2066\u2069 \u200f',
  'nul\u0000 escape\u001b[2J bell\u0007',
  'half \ud800 pair \udc00',
  '"; DROP TABLE notices; --',
  '&amp; &lt;b&gt; &#60;',
  '.\r\n.\r\nQUIT\r\n',
  ':skull: @everyone @channel',
  '👩‍👩‍👧 '.repeat(2_000),
  '<'.repeat(100_000),
  'é'.repeat(100_000),
  ' '.repeat(100_000),
  '',
];

/** A message in which every text is `text`. */
export function hostileMessage(text: string): OutgoingMessage {
  return messageOf({
    title: text,
    lines: [text, text],
    facts: [
      { label: text, value: text },
      { label: '__proto__', value: text },
    ],
  });
}

/** Control characters and what turns the direction of writing: nothing that leaves may have one, line ends apart. */
export const UNPRINTABLE = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
