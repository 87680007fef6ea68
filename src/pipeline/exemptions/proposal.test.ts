import { describe, expect, it } from 'vitest';
import { MAX_EXEMPTION_MS, readProposal } from './proposal.ts';

const NOW = Date.UTC(2026, 10, 21, 3, 0, 0);
const at = (ms: number): string => new Date(NOW + ms).toISOString();
const GIVEN = {
  policyId: 'pol_1',
  gateName: 'suspensions',
  appliesTo: { userIds: ['anna'] },
  reason: 'a migration',
  expiresAt: at(1),
};

const pointersOf = (value: unknown): readonly string[] => {
  const read = readProposal(value, NOW);
  return 'faults' in read ? read.faults.map(({ pointer }) => pointer) : [];
};

describe('a proposal', () => {
  it('is kept in one form', () => {
    const appliesTo = { userIds: [' Bela', 'ANNA', 'anna'], actionTypes: ['account_suspend'], playbookIds: ['b', 'a'] };
    expect(readProposal({ ...GIVEN, appliesTo, reason: ' why ' }, NOW)).toEqual({
      value: {
        ...GIVEN,
        appliesTo: { userIds: ['anna', 'bela'], actionTypes: ['ACCOUNT_SUSPEND'], playbookIds: ['a', 'b'] },
        reason: 'why',
        expiresAt: NOW + 1,
      },
    });
  });

  it('ends within 90 days, and not before it begins', () => {
    expect(pointersOf({ ...GIVEN, expiresAt: at(MAX_EXEMPTION_MS) })).toEqual([]);
    expect(pointersOf({ ...GIVEN, expiresAt: at(MAX_EXEMPTION_MS + 1) })).toEqual(['/expiresAt']);
    expect(pointersOf({ ...GIVEN, expiresAt: at(0) })).toEqual(['/expiresAt']);
    expect(pointersOf({ ...GIVEN, expiresAt: '2026-11-21T05:00:00+01:00' })).toEqual([]);
  });

  it.each<[string, object]>([
    ['/expiresAt', { expiresAt: undefined }],
    ['/expiresAt', { expiresAt: NOW + 1 }],
    ['/expiresAt', { expiresAt: 'tomorrow' }],
    ['/reason', { reason: ' ' }],
    ['/reason', { reason: undefined }],
    ['/policyId', { policyId: undefined }],
    ['/gateName', { gateName: undefined }],
    ['/gateName', { gateId: 'g1' }],
    ['/more', { more: 1 }],
    ['/appliesTo', { appliesTo: undefined }],
    ['/appliesTo', { appliesTo: {} }],
    ['/appliesTo/userIds', { appliesTo: { userIds: [] } }],
    ['/appliesTo/userIds/0', { appliesTo: { userIds: [' '] } }],
    ['/appliesTo/userIds', { appliesTo: { userIds: Array.from({ length: 33 }, (_, index) => `u${index}`) } }],
    ['/appliesTo/actionTypes/0', { appliesTo: { actionTypes: ['EXPLODE'] } }],
    ['/appliesTo/who', { appliesTo: { userIds: ['anna'], who: 'anna' } }],
    ['/appliesTo/condition', { appliesTo: { condition: 'nobody.knows == 1' } }],
    ['/appliesTo/condition', { appliesTo: { condition: 'results.a.status == "SUCCESS"' } }],
    ['/appliesTo/condition', { appliesTo: { condition: 'incident.confidence' } }],
  ])('is refused at %s: %j', (pointer, change) => {
    // Absent members are left out, as JSON does.
    expect(pointersOf(JSON.parse(JSON.stringify({ ...GIVEN, ...change })))).toEqual([pointer]);
  });

  it.each(['true', '1 == 1', 'true || incident.confidence > 5', 'false'])(
    'is refused when its condition says the same about everything: %s',
    (condition) => {
      expect(pointersOf({ ...GIVEN, appliesTo: { condition } })).toEqual(['/appliesTo/condition']);
    },
  );

  it('may be narrowed by a condition alone', () => {
    expect(pointersOf({ ...GIVEN, appliesTo: { condition: 'incident.confidence > 5' } })).toEqual([]);
    expect(pointersOf({ ...GIVEN, appliesTo: { condition: 'event.city == "Oslo"' } })).toEqual([]);
  });
});
