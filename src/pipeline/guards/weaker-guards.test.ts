import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTION_TYPES } from '../vocabulary.ts';
import { perHourOf, type BlastRadius } from './blast-radius.ts';
import { weakerLimits, weakerProtection } from './weaker-guards.ts';

const limits = fc
  .uniqueArray(fc.record({ actionType: fc.constantFrom(...ACTION_TYPES.slice(0, 3)), perHour: fc.nat(3) }), {
    selector: ({ actionType }) => actionType,
  })
  .map((all): BlastRadius => ({ limits: all }));
const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
const list = (all: readonly string[]) => ({ identities: all.map((id) => ({ id, reason: 'r' })) });

describe('limits', () => {
  it('are weaker exactly where an hour may do more of something', () => {
    fc.assert(
      fc.property(limits, limits, (before, after) => {
        const [were, are] = [perHourOf(before), perHourOf(after)];
        const more = ACTION_TYPES.some((type) => (are[type] ?? Infinity) > (were[type] ?? Infinity));
        expect(weakerLimits(before, after).length > 0).toBe(more);
      }),
    );
  });
});

describe('protected identities', () => {
  it('are weaker exactly where one is missing, whatever the reasons say', () => {
    fc.assert(
      fc.property(ids, ids, (before, after) => {
        const missing = before.filter((id) => !after.includes(id));
        expect(weakerProtection(list(before), list(after))).toHaveLength(missing.length);
      }),
    );
  });
});
