import { expect, it } from 'vitest';
import type { RecordDraft } from '../../src/journal/journal.ts';
import { canonicalJson } from '../../src/platform/canonical-json.ts';
import { testEngine } from '../support/engine.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';

it('makes the records of an ordinary execution in the order of their canonical text, which then needs no sorting', async () => {
  const drafts: RecordDraft[] = [];
  const engine = testEngine({
    journalThrough: (journal) => ({
      ...journal,
      async commit(changes) {
        drafts.push(...changes.flatMap(({ appends }) => appends.flatMap(({ records }) => records)));
        return journal.commit(changes);
      },
    }),
  });
  const notice = declaration({
    type: 'USER_NOTIFICATION',
    holds: null,
    reversibility: 'irreversible',
    contains: false,
  });
  const parameters = { message: 'for {{incident.subject.id}}', title: 'Unusual activity' };
  await engine.start(
    planOf(
      [planAction('first', { declaration: notice, parameters })],
      [planAction('second', { declaration: notice, parameters })],
    ),
  );
  await engine.settle();
  await engine.close();
  expect(drafts).toHaveLength(3);
  for (const { data } of drafts) expect(JSON.stringify(data)).toBe(canonicalJson(data));
});
