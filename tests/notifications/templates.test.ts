import { describe, expect, it } from 'vitest';
import { letterOf } from '../../src/connectors/mail/letter.ts';
import { pagerDutyEvents } from '../../src/connectors/pagerduty/events.ts';
import { slackMessage } from '../../src/connectors/slack/blocks.ts';
import { webhookPayload } from '../../src/connectors/standard-webhook/payload.ts';
import { teamsPost } from '../../src/connectors/teams/card.ts';
import { NOTICE_KINDS, type OutgoingMessage } from '../../src/pipeline/notifications/contract.ts';
import { digestTitle } from '../../src/pipeline/notifications/digest-title.ts';
import { hostileMessage, HOSTILE, messageOf, UNPRINTABLE } from '../support/notices.ts';

/** Every kind of notice in the form of every channel: plain texts show as they are, hostile ones do nothing. */

/** What a person, or a program, reads of a message: every text in it. */
const CHANNELS: Readonly<Record<string, (message: OutgoingMessage) => readonly string[]>> = {
  EMAIL: (message) => {
    const { subject, text, html } = letterOf(message, 'soc.example');
    return [subject, ...text.split('\n'), ...html.split('\n')];
  },
  SLACK: (message) => textsIn(slackMessage(message, true)),
  TEAMS: (message) => textsIn(JSON.parse(teamsPost(message))),
  PAGERDUTY: (message) => textsIn(pagerDutyEvents(message)),
  WEBHOOK: (message) => textsIn(JSON.parse(webhookPayload(message, 0))),
};

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What each channel takes for more than text. */
const MARKUP: Readonly<Record<string, RegExp>> = {
  EMAIL: /<script|<img|onerror=alert\(1\)>/,
  SLACK: /<[!@#a-z]/i,
  TEAMS: /\{\{(DATE|TIME)/,
};

/** Biggest message of each channel, in UTF-16 units: below what its receiver takes. */
const BIGGEST: Readonly<Record<string, number>> = {
  EMAIL: 250_000,
  SLACK: 200_000,
  TEAMS: 28_000,
  PAGERDUTY: 500_000,
  WEBHOOK: 262_144,
};

const KINDS = NOTICE_KINDS.map((kind) => [kind] as const);
const CLOSING = ['approval.decided', 'guard.resumed'];

describe.each(KINDS)('%s', (kind) => {
  it.each(Object.keys(CHANNELS))('is told over %s with everything that it says', (channel) => {
    const texts = CHANNELS[channel]?.(messageOf({ kind })) ?? [];
    const all = texts.join('\n');
    // What is over closes its alert, and has nothing to say there.
    if (channel === 'PAGERDUTY' && CLOSING.includes(kind)) return expect(texts).toContain('resolve');
    for (const part of ['Suspend mara@example.org?', 'Two places in 12 minutes', 'ACCOUNT_SUSPEND', 'user mara'])
      expect(all).toContain(part);
    return expect(all).toContain('https://firebreak.example.org/approvals/apr_1');
  });

  it.each(Object.keys(CHANNELS))('does nothing over %s, whatever stands in it', (channel) => {
    for (const text of HOSTILE) {
      const message = hostileMessage(text);
      const notices = message.notices.map((notice) => ({ ...notice, kind }));
      const texts = CHANNELS[channel]?.({ ...message, notices }) ?? [];
      const all = texts.join('\n');
      expect(all).not.toMatch(UNPRINTABLE);
      expect(all.isWellFormed()).toBe(true);
      // In the subject and in the plain part of a mail nothing is markup.
      const marked = channel === 'EMAIL' ? letterOf({ ...message, notices }, 'soc.example').html : all;
      if (MARKUP[channel] !== undefined) expect(marked).not.toMatch(MARKUP[channel]);
      expect(all.length).toBeLessThan(BIGGEST[channel] ?? 0);
    }
  });

  it('has a name for several of it', () => {
    const several = messageOf(
      { kind, about: { type: 'approval', id: 'apr_1' } },
      { kind, about: { type: 'approval', id: 'apr_2' } },
    );
    expect(digestTitle(several.notices)).toMatch(/^2 [a-z ]+, the most severe: Suspend mara@example\.org\?$/);
  });
});
