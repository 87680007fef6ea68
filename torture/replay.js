/*
 * Derives every execution of a stopped journal again, with the compiled program in DIST: `node torture/replay.js DIST
 * DATA`. Prints `{"executions":…,"differing":[…],"queued":…}`: how many there are, the streams that do not come out the
 * same, and how many effects are still owed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist = '', dataDir = ''] = process.argv.slice(2);
const load = (module) => import(pathToFileURL(join(dist, module)).href);
const { openExistingJournal } = await load('cli/open-journal.js');
const { executionStore } = await load('pipeline/executions/execution-store.js');
const { stepOf } = await load('pipeline/executions/core/fold.js');
const { replayRecords } = await load('pipeline/executions/core/replay.js');

const readTextSync = (file) => readFileSync(file, 'utf8');
const journal = await openExistingJournal(dataDir, { env: process.env, readTextSync });
const plans = executionStore(journal);
const differing = [];
const streams = await journal.streams('execution/');
for (const stream of streams) {
  const records = await journal.readStream(stream);
  const { input } = stepOf(records[0].record);
  const { identical } = replayRecords(await plans.plan(input.planHash), records);
  if (!identical) differing.push(stream);
}
const queued = (await journal.queuedEffects()).length;
await journal.close();
process.stdout.write(`${JSON.stringify({ executions: streams.length, differing, queued })}\n`);
