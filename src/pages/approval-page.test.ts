import { describe, expect, it } from 'vitest';
import { approvalRequest, type ApprovalView } from './approval-page.ts';
import { approvalOf, waitsFor, type ApprovalShown } from './approval-shown.ts';
import { approvalList } from './approvals-page.ts';
import { page } from './layout.ts';
import { timeLeft } from './times.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const HASH = 'ab'.repeat(32);
const APPROVAL: ApprovalShown = {
  id: 'apr_1',
  actionId: 'suspend',
  actionType: 'ACCOUNT_SUSPEND',
  reversibility: 'undo',
  riskLevel: 'HIGH',
  purpose: 'gate',
  playbookId: 'travel',
  playbookVersion: 3,
  executionId: 'exe_1',
  incidentId: 'inc_1',
  target: { type: 'user', id: 'anna@corp.example' },
  accounts: ['anna@corp.example'],
  parameters: { reason: 'travel' },
  question: null,
  intentHash: HASH,
  status: 'PENDING',
  requester: 'engine',
  requiredApprovers: 2,
  requirements: [
    { roles: ['SECURITY_ADMIN', 'CISO'], k: 1, human: true },
    { roles: ['INCIDENT_COMMANDER'], k: 1, human: true, users: { INCIDENT_COMMANDER: ['usr_ivy'] } },
  ],
  escalationPath: [{ level: 1, delayMs: 600_000, escalateTo: 'CISO' }],
  escalations: [],
  votes: [],
  requestedAt: '2026-01-05T08:00:00.000Z',
  expiresAt: '2026-01-05T09:00:00.000Z',
  decidedAt: null,
};
const GATE = { source: 'pol_1', version: 2, gateName: 'two people', fallbackBehavior: 'DENY_ACTION' } as const;
const FORM = { action: '/approvals/apr_1/vote', fields: { formToken: 'token' }, passkeyOptions: null };
const shown = (approval: Partial<ApprovalShown> = {}, more: Partial<ApprovalView> = {}) =>
  approvalRequest({
    approval: { ...APPROVAL, ...approval },
    why: 'Anna signed in from two continents.',
    gates: [GATE],
    now: NOW,
    form: FORM,
    refusal: null,
    ...more,
  }).toString();

describe('one request', () => {
  it('says what will be done to whom, why, how risky, how it is undone, who answers, and what silence means', () => {
    const text = shown();
    for (const part of [
      'ACCOUNT_SUSPEND',
      'user anna@corp.example',
      '&#34;reason&#34;: &#34;travel&#34;',
      'Anna signed in from two continents.',
      'HIGH',
      'It can be undone',
      'One person with SECURITY_ADMIN or CISO',
      'of INCIDENT_COMMANDER only usr_ivy',
      'Approvals of 2 different people are needed.',
      'One denial is enough to stop it.',
      'Without an answer in time it is not done.',
      'two people',
      'CISO, after 10 minutes',
      'Nobody has answered yet.',
      '60 minutes left',
      'Firebreak, by itself',
    ])
      expect(text).toContain(part);
  });

  it('carries the hash of what it shows, and what proves who answers', () => {
    expect(shown()).toContain(`name="intentHash" value="${HASH}"`);
    expect(shown()).toContain('name="formToken" value="token"');
    expect(shown({}, { form: { action: '/answer', fields: { token: 'signed' }, passkeyOptions: null } })).toMatch(
      /<form method="post" action="\/answer">\s*<input type="hidden" name="token" value="signed" \/>/,
    );
  });

  it('has no form when it is decided, or when whoever looks cannot answer', () => {
    expect(shown({ status: 'APPROVED', decidedAt: '2026-01-05T08:10:00.000Z' })).not.toContain('<form');
    expect(shown({}, { form: null })).not.toContain('<form');
  });

  it.each([
    ['question', 'undo', [], 'counts as not answered'],
    ['condition_error', 'undo', [], 'it is not done'],
    ['gate', 'undo', [{ ...GATE, fallbackBehavior: 'ALLOW_ACTION' as const }], 'in time it is done'],
    ['gate', 'irreversible', [{ ...GATE, fallbackBehavior: 'ALLOW_ACTION' as const }], 'it is not done'],
    ['gate', 'undo', [{ ...GATE, fallbackBehavior: 'ALLOW_ACTION' as const }, GATE], 'it is not done'],
    ['gate', 'undo', [{ ...GATE, fallbackBehavior: 'ESCALATE_TO_HUMAN' as const }], 'is left to people'],
  ])('says what silence means: %s, %s', (purpose, reversibility, gates, sentence) => {
    expect(shown({ purpose, reversibility }, { gates })).toContain(sentence);
  });

  it('shows what others wrote as text, wherever it stands', () => {
    const evil = `"><script>alert(1)</script><img src=x onerror='x'>`;
    const text = shown(
      {
        target: { type: evil, id: evil },
        accounts: [evil],
        parameters: { [evil]: evil },
        question: evil,
        requester: evil,
        playbookId: evil,
        actionId: evil,
        votes: [{ userId: evil, linkedAccounts: [], decision: 'DENY', comment: evil, at: evil }],
        escalationPath: [{ level: 1, delayMs: 1, escalateTo: evil }],
        requirements: [{ roles: ['CISO'], k: 1, human: true, standIns: [{ who: 'user', id: evil, afterMs: 1 }] }],
        intentHash: evil,
        expiresAt: evil,
      },
      {
        why: evil,
        gates: [{ ...GATE, gateName: evil, source: evil }],
        refusal: evil,
        form: { action: evil, fields: { [evil]: evil }, passkeyOptions: evil },
      },
    );
    expect(text).not.toMatch(/<script|<img|onerror='/);
    const whole = page(evil, { name: evil, formToken: evil }, null);
    expect(whole).not.toMatch(/<script|<img/);
  });
});

describe('whom it waits for', () => {
  const ivy = { userId: 'usr_ivy', roles: ['INCIDENT_COMMANDER'], linkedAccounts: ['ivy@corp.example'] } as const;
  const vote = { userId: 'usr_ivy', linkedAccounts: [], decision: 'APPROVE' as const, comment: null, at: '' };
  it('is told by role and name, and never those who asked, whom it is about, or who answered', () => {
    expect(waitsFor(APPROVAL, ivy)).toBe(true);
    expect(waitsFor(APPROVAL, { ...ivy, userId: 'usr_other' })).toBe(false);
    expect(waitsFor({ ...APPROVAL, requester: 'USR_ivy' }, ivy)).toBe(false);
    expect(waitsFor({ ...APPROVAL, accounts: ['Ivy@corp.example'] }, ivy)).toBe(false);
    expect(waitsFor({ ...APPROVAL, votes: [vote] }, ivy)).toBe(false);
    expect(waitsFor({ ...APPROVAL, status: 'EXPIRED' }, ivy)).toBe(false);
    expect(waitsFor(APPROVAL, { ...ivy, roles: ['LEGAL'] })).toBe(false);
  });

  it('sorts the list', () => {
    const other = { ...APPROVAL, id: 'apr_2', requirements: [{ roles: ['LEGAL' as const], k: 1, human: true }] };
    const text = approvalList({
      approvals: [APPROVAL, other],
      total: 5,
      who: ivy,
      now: NOW,
      unreviewed: { items: [], total: 0 },
    }).toString();
    const [mine = '', others = ''] = text.split('Waiting for others');
    expect([mine.includes('/approvals/apr_1'), mine.includes('apr_2'), others.includes('apr_2')]).toEqual([
      true,
      false,
      true,
    ]);
    expect(others).toContain('3 older ones are not shown.');
  });
});

describe('what is no approval', () => {
  it('is a mistake of ours', () => {
    expect(() => approvalOf({ id: 'x' })).toThrow('cannot be shown');
  });
});

describe('the time left', () => {
  it.each([
    [0, 'no time left'],
    [59_001, '60 seconds left'],
    [60_000, '1 minute left'],
    [7_199_999, '119 minutes left'],
    [7_200_000, '2 hours left'],
    [172_800_000, '2 days left'],
  ])('of %i ms is %s', (left, text) => {
    expect(timeLeft(NOW + left, NOW)).toBe(text);
  });
});
