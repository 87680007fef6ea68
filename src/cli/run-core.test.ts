import { describe, expect, it } from 'vitest';
import { planAction, planOf } from '../../tests/support/plans.ts';
import { runCore } from './run-core.ts';

/** The code of a core comes out of a journal: whoever could write there could have written it. */

const TASK = { plan: planOf([planAction('a')]), records: [], seqs: [] };
const says = (expression: string): string =>
  `firebreakCore = { replayText: () => JSON.stringify({ identical: false, records: 0, seq: 0, recorded: '', derived: String(${expression}) }) }`;

describe('a core that somebody else has written', () => {
  it.each([
    ['the process', 'typeof process'],
    ['modules', 'typeof require'],
    ['the network', 'typeof fetch + typeof WebSocket'],
    ['timers', 'typeof setTimeout'],
    ['bytes of Node', 'typeof Buffer'],
  ])('does not see %s', async (_what, expression) => {
    expect(await runCore('a core', says(expression), TASK)).toMatchObject({
      derived: expect.stringMatching(/^(undefined)+$/),
    });
  });

  it.each([
    ['a constructor', "this.constructor.constructor('return process')()"],
    ['a function made of text', "Function('return process')()"],
    ['eval', "eval('1')"],
    ['an import', "import('node:fs')"],
  ])('does not get out by %s', async (_what, expression) => {
    const answer = await runCore('a core', says(expression), TASK).then(
      (replay) => ('derived' in replay ? replay.derived : 'nothing'),
      (thrown: unknown) => String(thrown),
    );
    expect(answer).toMatch(/Code generation from strings disallowed|^\[object Promise\]$/);
  });

  it('may do nothing even where it is outside of its realm', async () => {
    const escaped = "throw new Error(typeof globalThis + ' ' + Object.keys(globalThis).join())";
    await expect(runCore('a core', escaped, TASK)).rejects.toThrow(/did not replay the execution: Error: object $/);
  });

  it.each([
    ['no core at all', '1 +'],
    ['says nothing', 'firebreakCore = { replayText: () => undefined }'],
    ['says something else', "firebreakCore = { replayText: () => '{}' }"],
    ['throws', "firebreakCore = { replayText: () => { throw new TypeError('no such record') } }"],
    [
      'takes all memory',
      'firebreakCore = { replayText: () => { const all = []; for (;;) all.push(new Array(1e6).fill(1.5)) } }',
    ],
  ])('is refused when it %s', async (_what, code) => {
    await expect(runCore('a core', code, TASK)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is ended when it never ends', async () => {
    const endless = 'firebreakCore = { replayText: () => { for (;;); } }';
    await expect(runCore('a core', endless, TASK, 500)).rejects.toThrow('no answer in time');
  });
});
