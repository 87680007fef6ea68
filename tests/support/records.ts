import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import type { LogKeyPair } from '../../src/journal/log-key.ts';
import { logRows } from '../../src/journal/log-reading.ts';
import { origin } from '../../src/pipeline/audit/checkpoint.ts';
import { noteKey } from '../../src/pipeline/audit/signed-note.ts';
import { verifyLog } from '../../src/pipeline/audit/verify.ts';
import { executionStore } from '../../src/pipeline/executions/execution-store.ts';
import { foldRecords, stepOf } from '../../src/pipeline/executions/core/fold.ts';
import { replayRecords } from '../../src/pipeline/executions/core/replay.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';

/** What every journal must hold after every test, whatever was done to the process that wrote it. */

/** Folded states of all executions, by id. */
export async function executionsOf(journal: Journal): Promise<ReadonlyMap<string, ExecutionState>> {
  const states = new Map<string, ExecutionState>();
  for (const stream of await journal.streams('execution/')) {
    const state = foldRecords(await journal.readStream(stream));
    states.set(state.id, state);
  }
  return states;
}

/** Every decision comes out again, byte for byte. */
export async function expectReplays(journal: Journal): Promise<void> {
  const store = executionStore(journal);
  for (const stream of await journal.streams('execution/')) {
    const records = await journal.readStream(stream);
    const [first] = records;
    if (first === undefined) throw new Error(`the stream ${stream} is empty`);
    const { input } = stepOf(first.record);
    if (input.type !== 'start') throw new Error(`the stream ${stream} does not begin with a start`);
    const replay = replayRecords(await store.plan(input.planHash), records);
    expect({ stream, ...replay }).toMatchObject({ stream, identical: true });
  }
}

/** The chains, the log and a checkpoint over all of it fit together. Places what has no place yet. */
export async function expectIntact(
  journal: Journal,
  signing: LogKeyPair = generateKeyPairSync('ed25519'),
): Promise<void> {
  const name = origin(journal.id, { accelerated: journal.accelerated, generation: 1 });
  const keeper = await openLogKeeper(journal, signing, systemClock(), []);
  await keeper.keep(true);
  const rows = logRows(journal);
  const log = {
    records: rows.records(),
    leaves: rows.leaves(),
    unsequenced: await rows.unsequenced(),
    checkpoints: (await rows.checkpoints()).map(({ note }) => note),
  };
  const keys = [{ ...noteKey(name, signing.publicKey), fromSize: 0, toSize: null }];
  expect(await verifyLog(log, { keys, now: Date.now() })).toMatchObject({ verdict: 'intact', problem: null });
}

/** Nothing is under way and nothing is owed: every execution has ended and was told. */
export async function expectQuiet(journal: Journal): Promise<void> {
  for (const [id, { ended }] of await executionsOf(journal)) expect(ended, `${id} has not ended`).not.toBe(null);
  expect(await journal.queuedEffects()).toEqual([]);
}
