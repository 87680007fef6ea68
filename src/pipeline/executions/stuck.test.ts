import { expect, it } from 'vitest';
import { FIRST_PUT_OFF_MS } from '../put-off.ts';
import { stuckExecutions } from './stuck.ts';

function world() {
  const time = { at: 0 };
  const told: string[] = [];
  const stuck = stuckExecutions({ monotonic: () => time.at, onError: (thrown) => told.push(String(thrown)) });
  return { time, told, stuck };
}

it('counts each execution once, however often it fails, and tells of each time', () => {
  const { stuck, told } = world();
  expect(stuck.failed('exe_1', new Error('record 3'))).toBe(FIRST_PUT_OFF_MS);
  expect(stuck.failed('exe_1', new Error('record 3'))).toBe(2 * FIRST_PUT_OFF_MS);
  stuck.failed('exe_2', new Error('no plan'));
  expect(stuck.count).toBe(2);
  expect(told).toEqual([
    'Error: Execution exe_1 cannot be gone on with: record 3',
    'Error: Execution exe_1 cannot be gone on with: record 3',
    'Error: Execution exe_2 cannot be gone on with: no plan',
  ]);
});

it('counts one no more that was gone on with', () => {
  const { stuck } = world();
  stuck.failed('exe_1', new Error('record 3'));
  stuck.succeeded('exe_1');
  expect(stuck.count).toBe(0);
  expect(stuck.failed('exe_1', new Error('record 3'))).toBe(FIRST_PUT_OFF_MS);
});

it('counts one that is left alone, and no more when nobody here has looked at it again: others have it then', () => {
  const { stuck, time } = world();
  stuck.failed('exe_1', new Error('record 3'));
  time.at = FIRST_PUT_OFF_MS + 1_000;
  expect(stuck.count).toBe(1);
  time.at = FIRST_PUT_OFF_MS + 120_000;
  expect(stuck.count).toBe(0);
});
