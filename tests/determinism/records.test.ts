import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { ConnectorError } from '../../src/pipeline/actions/contract.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { executionsOf, expectReplays } from '../support/records.ts';
import { richAccounts as accounts, richPlan as plan } from '../support/rich-plan.ts';

/**
 * The same inputs give the same records, byte for byte: also when the calls of actions that work side by side end in
 * another order, because which of them is first is chance and no input.
 */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-bytes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every byte of every record, by stream. */
async function bytesOf(journal: Journal): Promise<Record<string, readonly string[]>> {
  const all: Record<string, readonly string[]> = {};
  for (const stream of await journal.streams()) {
    all[stream] = (await journal.readStream(stream)).map(({ bytes }) => bytes);
  }
  return all;
}

async function run(name: string, of: Plan, prepare: (engine: TestEngine) => void) {
  const engine = testEngine({ file: join(folder, `${name}.sqlite`) });
  prepare(engine);
  await engine.start(of, 'exe_test', accounts);
  await engine.runUntilQuiet();
  expect(engine.bugs).toEqual([]);
  await expectReplays(engine.journal);
  const states = await executionsOf(engine.journal);
  const bytes = await bytesOf(engine.journal);
  const { target } = engine;
  await engine.close();
  return { bytes, states, effects: [...target.effects].sort() };
}

/** The same faults for the same calls in every run, whatever came before them. */
async function faults(call: string): Promise<void> {
  if (call === 'perform h1') throw new ConnectorError('refused', 'no', { retryable: false, resultUnknown: false });
}

/** Turns of the loop without a new call after which none is to be expected: a commit takes two. */
const TURNS_OF_REST = 12;

/** Keeps all calls back until no more come, and then lets them end within one turn, in an order of its own. */
function endingIn(order: (calls: readonly string[]) => readonly string[]): (engine: TestEngine) => void {
  return ({ target }) => {
    const held = new Map<string, () => void>();
    let quietTurns = 0;
    let watching = false;
    const watch = (): void => {
      quietTurns += 1;
      if (quietTurns < TURNS_OF_REST) {
        setImmediate(watch);
        return;
      }
      watching = false;
      const present = new Map(held);
      held.clear();
      for (const call of order([...present.keys()])) present.get(call)?.();
    };
    target.gate = async (call) => {
      await new Promise<void>((resolve) => {
        held.set(call, resolve);
        quietTurns = 0;
        if (!watching) setImmediate(watch);
        watching = true;
      });
      await faults(call);
    };
  };
}

/** Numbers that look random and are the same each time: Lehmer's generator. */
function shuffle(calls: readonly string[], seed: number): readonly string[] {
  let state = seed;
  return [...calls]
    .sort()
    .map((call) => {
      state = (state * 48_271) % 2_147_483_647;
      return { call, at: state };
    })
    .sort((left, right) => left.at - right.at)
    .map(({ call }) => call);
}

describe('the same inputs', () => {
  it('give the same records, byte for byte, of every stream', async () => {
    const prepare = (engine: TestEngine): void => {
      engine.target.gate = faults;
    };
    const first = await run('first', plan, prepare);
    const second = await run('second', plan, prepare);
    expect(second.bytes).toEqual(first.bytes);
    // Enough happened for that to mean something: a fan-out, an expired gate, a question, a roll-back.
    expect([...first.states.values()].map(({ ended }) => ended?.status)).toEqual(
      expect.arrayContaining(['ROLLED_BACK', 'ROLLED_BACK', 'ROLLED_BACK', 'ROLLED_BACK']),
    );
    expect(Object.keys(first.bytes)).toHaveLength(5);
    expect(first.effects.filter((effect) => effect.startsWith('undo')).length).toBeGreaterThan(5);
  });

  it('give the same records in whatever order calls that end together end', async () => {
    const orders: Readonly<Record<string, (calls: readonly string[]) => readonly string[]>> = {
      sorted: (calls) => [...calls].sort(),
      reversed: (calls) => [...calls].sort().reverse(),
      shuffled: (calls) => shuffle(calls, 7),
      'shuffled again': (calls) => shuffle(calls, 1_234),
    };
    const runs: Awaited<ReturnType<typeof run>>[] = [];
    for (const [name, order] of Object.entries(orders)) runs.push(await run(name, plan, endingIn(order)));
    const [reference, ...others] = runs;
    for (const { bytes, effects } of others) {
      expect(bytes).toEqual(reference?.bytes);
      expect(effects).toEqual(reference?.effects);
    }
  });

  it('of another time give other records: the comparison can fail', async () => {
    const first = await run('now', plan, () => undefined);
    const later = await run('later', plan, ({ clock }) => clock.advanceTo(clock.now() + 1));
    expect(later.bytes).not.toEqual(first.bytes);
  });
});
