import { afterEach, expect, it } from 'vitest';
import { firstForgedRow } from '../../src/cli/verify-rows.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { planAction, planOf } from '../support/plans.ts';
import { executionsOf } from '../support/records.ts';

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

it('shows an execution as its records say when a hold ends after the execution did', async () => {
  engine = testEngine();
  await engine.start(planOf([planAction('a', { ttlMs: 60_000 })]));
  await engine.runUntilQuiet();
  const [state] = [...(await executionsOf(engine.journal)).values()];
  expect(state?.actions['a']?.status).toBe('COMPENSATED');
  expect(await firstForgedRow(engine.journal)).toBe(null);
});
