import { describe, expect, it } from 'vitest';
import type { StoredView } from '../../journal/journal.ts';
import { requireReleased } from './released.ts';

const target = { type: 'segment', id: 'dmz' } as const;
const asking = { connector: 'ssh', target };

/** Only the body of a row is looked at. */
const row = (executionId: string, more: object = {}) => ({ body: { executionId, ...more } }) as unknown as StoredView;

function ask(...rows: StoredView[]): { readonly groups: string[]; readonly done: Promise<void> } {
  const groups: string[] = [];
  const holdsOf = async (group: string) => {
    groups.push(group);
    return rows;
  };
  return { groups, done: requireReleased(holdsOf, 'exe_own', asking, 'segment.isolated') };
}

describe('requireReleased', () => {
  it('lets through what nobody else holds, and what others let go of already', async () => {
    await ask().done;
    await ask(row('exe_own'), row('exe_other', { isBeingUndone: true })).done;
  });

  it('asks about the state that is ended, at this target of this connector', async () => {
    const { groups, done } = ask();
    await done;
    expect(groups).toEqual(['ssh|segment.isolated|segment:dmz']);
  });

  it('refuses what another execution holds, by name, also while that does not know yet whether it does', async () => {
    const refused = { code: 'still_held', retryable: false, resultUnknown: false };
    await expect(ask(row('exe_own'), row('exe_b')).done).rejects.toMatchObject(refused);
    await expect(ask(row('exe_b', { isUnsettled: true })).done).rejects.toMatchObject(refused);
    await expect(ask(row('exe_b'), row('exe_b')).done).rejects.toThrow('others hold it: exe_b; cancel');
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => row(`exe_${name}`));
    await expect(ask(...many).done).rejects.toThrow('exe_a, exe_b, exe_c and 2 more');
  });
});
