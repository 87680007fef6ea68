import { expect, it } from 'vitest';
import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import { testEngine } from '../support/engine.ts';
import { declaration, planAction, planOf } from '../support/plans.ts';

it('makes the records of an ordinary execution in the order of their canonical text, which then needs no sorting', async () => {
  const sealed: SealedRecord[] = [];
  const engine = testEngine({
    journalThrough: (journal) => ({
      ...journal,
      async commit(changes) {
        const results = await journal.commit(changes);
        for (const result of results) if (result.status === 'applied') sealed.push(...result.records);
        return results;
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
  expect(sealed).toHaveLength(5);
  for (const { record, bytes } of sealed) expect(JSON.stringify(record)).toBe(bytes);
});
