import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { rowsOf } from '../../src/archive/plan.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { changeOf } from '../../src/pipeline/executions/change.ts';
import { decide } from '../../src/pipeline/executions/core/decide.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { gate, planAction, planOf, startOf } from '../support/plans.ts';

const folder = mkdtempSync(join(tmpdir(), 'firebreak-uses-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('takes the uses of exemptions out with the execution that they are of', async () => {
  const file = join(folder, 'journal.sqlite');
  const journal = openSqliteJournal({ file, birth: { id: 'jrn_test', at: 0, accelerated: false } });
  const people = { proposedBy: 'usr_8', confirmedBy: 'usr_9', accounts: ['usr_8', 'usr_9'] };
  const exempt = gate({ source: 'pol', exemptions: [{ id: 'exm_1', ...people, expiresAt: 2 }] });
  const plan = planOf([planAction('a', { gates: [exempt] })]);
  const input: Input = { ...startOf('exe_1'), type: 'start', planHash: 'h', at: 1 };
  const { change } = changeOf(plan, null, 0, [{ input, decision: decide(plan, null, input) }], undefined);
  expect(await journal.commit([change])).toMatchObject([{ status: 'applied' }]);

  const { items } = await journal.listViews({ kind: 'exemption-use', parent: 'exm_1', limit: 9, skip: 0 });
  const rows = await rowsOf(journal, { stream: 'execution/exe_1', execution: 'exe_1' });
  expect(rows.map(({ kind }) => kind)).toEqual(['execution', 'approval', 'exemption-use']);
  expect(rows.at(-1)?.id).toBe(items[0]?.id);
  await journal.close();
});
