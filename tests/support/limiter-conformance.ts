import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import {
  createLimiter,
  limiterRowOf,
  limiterStream,
  WINDOW_MS,
  type Asked,
} from '../../src/pipeline/guards/limiter.ts';
import { realMachine } from '../../src/platform/machine.ts';
import type { Place } from './journal-conformance.ts';
import type { SharedPlace } from './membership-conformance.ts';

const asked = (id: string, change: Partial<Asked> = {}): Asked => ({
  executionId: id,
  countedAs: 'a',
  actionType: 'ACCOUNT_SUSPEND',
  count: 1,
  perHour: 3,
  approved: false,
  ...change,
});

/** The limiter over a journal, in as many processes as may share it. */
export function limiterConformance(name: string, place: () => Place & Partial<Pick<SharedPlace, 'another'>>): void {
  describe(`the limiter: ${name}`, () => {
    checks(place);
  });
}

function checks(place: Parameters<typeof limiterConformance>[1]): void {
  let there: ReturnType<typeof place>;
  let journals: readonly Journal[] = [];
  beforeEach(async () => {
    there = place();
    const first = await there.open();
    journals = there.another === undefined ? [first] : [first, await there.another()];
  });
  afterEach(async () => {
    for (const journal of journals) await journal.close();
    await there.remove();
  });

  function limiters(at: { readonly now: number }) {
    const clock = { now: () => at.now };
    return journals.map((journal) =>
      createLimiter({ journal, committer: groupCommitter(journal, realMachine, () => undefined), clock }),
    );
  }

  it('counts to its limit and no further, for all who ask at one moment', async () => {
    const made = limiters({ now: WINDOW_MS });
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => made[index % made.length]?.reserve(asked(`exe_${index}`))),
    );
    expect(answers.filter((answer) => answer?.granted === true)).toHaveLength(3);
    expect(answers.filter((answer) => answer?.granted === false)).toHaveLength(9);
    for (const journal of journals) {
      const records = await journal.readStream(limiterStream('ACCOUNT_SUSPEND'));
      expect(records).toHaveLength(3);
      const row = await journal.view('limiter', 'ACCOUNT_SUSPEND');
      expect(row?.body).toEqual(limiterRowOf(records.map(({ record }) => record)));
    }
  });

  it('counts an action once, a list as many, and what a person has allowed in any case', async () => {
    const made = limiters({ now: WINDOW_MS });
    const [first, other = first] = made;
    const said = [];
    for (const [limiter, ask] of [
      [first, asked('list', { count: 2 })],
      [other, asked('list', { count: 2 })],
      [other, asked('too many', { count: 2 })],
      [first, asked('too many', { count: 2, approved: true })],
      [other, asked('one more')],
      [other, asked('another type', { actionType: 'GEO_LOCK', perHour: 1 })],
    ] as const)
      said.push(await limiter?.reserve(ask));
    expect(said).toEqual([
      { granted: true, used: 2 },
      { granted: true, used: 2 },
      { granted: false, used: 2 },
      { granted: true, used: 4 },
      { granted: false, used: 4 },
      { granted: true, used: 1 },
    ]);
  });

  it('forgets what an hour ago was done', async () => {
    const at = { now: WINDOW_MS };
    const made = limiters(at);
    const [limiter] = made;
    await limiter?.reserve(asked('old', { perHour: 1 }));
    at.now = 2 * WINDOW_MS - 1;
    expect(await limiter?.reserve(asked('new', { perHour: 1 }))).toMatchObject({ granted: false, used: 1 });
    at.now = 2 * WINDOW_MS;
    expect(await limiter?.reserve(asked('new', { perHour: 1 }))).toMatchObject({ granted: true, used: 1 });
  });
}
