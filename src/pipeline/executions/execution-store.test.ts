import { describe, expect, it } from 'vitest';
import { testEngine } from '../../../tests/support/engine.ts';
import { planAction, planOf } from '../../../tests/support/plans.ts';
import { executionStore, type Loaded } from './execution-store.ts';

/** A real execution, read through a store whose reads are held back. */
async function heldBack() {
  const engine = testEngine({});
  await engine.start(planOf([planAction('a')]));
  await engine.settle();
  const { journal } = engine;
  const reads: (() => void)[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => reads.push(resolve));
  const store = executionStore({
    ...journal,
    shared: true,
    async readStream(stream, afterSeq) {
      const records = await journal.readStream(stream, afterSeq);
      await turn();
      return records.slice(0, 2);
    },
    async streamHead(stream) {
      const head = await journal.streamHead(stream);
      await turn();
      return head;
    },
  });
  const [id = ''] = (await journal.streams('execution/')).map((stream) => stream.slice('execution/'.length));
  const whole = await executionStore(journal).load(id);
  const answered = async (): Promise<void> => {
    while (reads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    reads.shift()?.();
  };
  return { engine, store, id, whole, answered };
}

describe('executions in memory', () => {
  it('are not made older by a read that took its time', async () => {
    const { engine, store, id, whole, answered } = await heldBack();
    const old: Promise<Loaded> = store.recall(id);
    store.remember(id, whole);
    await answered();
    expect((await old).seq).toBe(whole.seq);
    expect((await store.recall(id)).seq).toBe(whole.seq);
    await engine.close();
  });

  it('are what the journal has now when they are asked for as such, whatever else is read meanwhile', async () => {
    const { engine, store, id, whole, answered } = await heldBack();
    store.remember(id, whole);
    const now = store.load(id);
    store.forget(id);
    const old = store.recall(id);
    await answered();
    await answered();
    expect([(await now).seq, (await old).seq]).toEqual([whole.seq, 2]);
    await engine.close();
  });
});
