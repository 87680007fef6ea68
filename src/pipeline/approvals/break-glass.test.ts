import { expect, it } from 'vitest';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Approval, Vote } from './approval.ts';
import { canBreakGlass, type GlassSubject, type GlassUse } from './break-glass.ts';

const HASH = 'a'.repeat(64);
const APPROVAL: Approval = {
  id: 'apr_1',
  intentHash: HASH,
  gates: [],
  requirements: requirementsOf(['CISO'], 2),
  requiredApprovers: 2,
  requester: 'usr_requester',
  subjectIds: ['alice@acme.example'],
  authorIds: ['usr_author'],
  votes: [],
  expiresAt: 1_000,
  status: 'PENDING',
};
const SUBJECT: GlassSubject = {
  isGate: true,
  actionType: 'ACCOUNT_SUSPEND',
  riskLevel: 'HIGH',
  reversibility: 'undo',
  isAboveFloor: false,
};
const DECLARATION = {
  id: 'bgd_1',
  version: 2,
  people: ['ida', 'alice@acme.example', 'usr_author'],
  actionTypes: ['ACCOUNT_SUSPEND'],
  maxRiskLevel: 'HIGH',
  irreversible: false,
  usesPerDay: 2,
  expiresAt: 900,
} as const;
const IDA = { userId: 'ida', kind: 'person', roles: [], disabled: false, linkedAccounts: [], issuedBy: 'ida' } as const;
const USE: GlassUse = {
  intentHash: HASH,
  at: 10,
  decision: 'APPROVE',
  voter: IDA,
  declaration: DECLARATION,
  use: 2,
  paused: false,
};
const DENIAL: Vote = { ...IDA, userId: 'cleo', decision: 'DENY', intentHash: HASH, at: 5, comment: null };

it('lets a declared person decide alone', () => {
  expect(canBreakGlass(APPROVAL, SUBJECT, USE)).toEqual({ ok: true });
  expect(canBreakGlass(APPROVAL, SUBJECT, { ...USE, provenBy: 'session' })).toEqual({ ok: true });
});

it.each<[string, Partial<Approval>, Partial<GlassSubject>, Partial<GlassUse>]>([
  ['already_decided', { status: 'APPROVED' }, {}, {}],
  ['already_decided', { votes: [DENIAL] }, {}, {}],
  ['expired', {}, {}, { at: 1_000 }],
  ['intent_changed', {}, {}, { intentHash: 'b'.repeat(64) }],
  ['passkey_needed', { requirePasskey: true }, {}, {}],
  ['paused', {}, {}, { paused: true }],
  ['account_disabled', {}, {}, { voter: { ...IDA, disabled: true } }],
  ['service_account', {}, {}, { voter: { ...IDA, kind: 'service' } }],
  ['role_missing', {}, {}, { voter: { ...IDA, mayVote: false } }],
  ['wrong_door', {}, {}, { provenBy: 'mail_link' }],
  ['wrong_door', {}, {}, { provenBy: 'slack' }],
  ['borrowed_credential', {}, {}, { voter: { ...IDA, issuedBy: 'ada' } }],
  ['requester', {}, {}, { voter: { ...IDA, linkedAccounts: ['usr_requester'] } }],
  ['subject', {}, {}, { voter: { ...IDA, linkedAccounts: ['Alice@acme.example'] } }],
  ['author', {}, {}, { voter: { ...IDA, userId: 'usr_author', issuedBy: 'usr_author' } }],
  ['not_declared', {}, {}, { declaration: null }],
  ['declaration_ended', {}, {}, { at: 900 }],
  ['not_named', {}, {}, { voter: { ...IDA, userId: 'ben', issuedBy: 'ben' } }],
  ['not_a_gate', {}, { isGate: false }, {}],
  ['action_not_declared', {}, { actionType: 'GEO_LOCK' }, {}],
  ['risk_not_declared', {}, { riskLevel: 'CRITICAL' }, {}],
  ['irreversible', {}, { reversibility: 'irreversible' }, {}],
  ['above_floor', {}, { isAboveFloor: true }, {}],
  ['used_up', {}, {}, { use: 3 }],
])('refuses: %s', (code, approval, subject, use) => {
  const check = canBreakGlass({ ...APPROVAL, ...approval }, { ...SUBJECT, ...subject }, { ...USE, ...use });
  expect(check).toMatchObject({ ok: false, code, reason: expect.stringMatching(/\.$/) });
});
