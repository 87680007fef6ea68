import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { holdGroup } from '../../src/pipeline/executions/change.ts';
import { postgresPlace } from '../support/postgres-place.ts';
import { sharedCluster } from '../support/postgres.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

/** The longest that a target may be, of letters that take three bytes each and cannot be packed. */
function longest(seed: string): string {
  let text = '';
  for (let round = 0; text.length < 2_048; round += 1)
    for (const byte of createHash('sha512').update(`${seed}${round}`).digest())
      text += String.fromCodePoint(0x4e00 + byte * 80);
  return text.slice(0, 2_048);
}

describe.skipIf(shared.skip !== null)('the hold of a target with a very long name', () => {
  it('is stored on PostgreSQL, whose indexes take 2,704 bytes at most, and is told from others', async () => {
    const place = postgresPlace(shared);
    const journal = await place.open();
    const [one, other] = [longest('one'), longest('other')].map((id) => holdGroup('edr', { type: 'host', id }, 'off'));
    const hold = { kind: 'hold', expectedVersion: 0, at: 1, body: {} } as const;
    const views = [
      { ...hold, id: 'a', parent: one ?? '' },
      { ...hold, id: 'b', parent: other ?? '' },
    ];
    expect(await journal.commit([{ appends: [], views }])).toMatchObject([{ status: 'applied' }]);
    const { items } = await journal.listViews({ kind: 'hold', parent: one ?? '', limit: 9, skip: 0 });
    expect(items.map(({ id }) => id)).toEqual(['a']);
    await journal.close();
    await place.remove();
  });
});
