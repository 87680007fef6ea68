import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Api, Sent } from './api.ts';
import { expectStatus, type Load } from './load.ts';
import type { Programs } from './programs.ts';
import type { Staff } from './staff.ts';
import type { Store } from './stores.ts';

/** What is done after the last kill: wait, write down what became of everything, and let the journal be verified. */

/** What does not become less for so long waits for nothing that will come, in ms: longer than a lost call is waited for. */
const STUCK_MS = 25_000;
/** How long the verification of a journal may take, in ms: some 100,000 records. */
const VERIFY_MS = 900_000;
const PAGE = 200;
const AT_ONCE = 8;
/** How often one thing is asked for. */
const TRIES = 8;
/** Pause after an answer that there were too many requests, in ms: what is left of the minute that they are counted in. */
const TOO_MANY_MS = 15_000;

/**
 * Waits until every execution has ended and every hold that ends by itself has done so, or until it is plain that some
 * never will.
 */
export async function untilQuiet(load: Load, failed: () => Error | null): Promise<void> {
  // What the API says may be from before the last request was taken: the count after the next one is not.
  const from = load.counted;
  const isOld = (): boolean => load.counted < from + 2;
  let pulse = '';
  let movedAt = performance.now();
  while ((isOld() || load.open > 0 || load.lasting > 0) && performance.now() - movedAt < STUCK_MS) {
    const thrown = failed();
    if (thrown !== null) throw thrown;
    const present = `${load.pulse} ${load.open} ${load.lasting} ${isOld()}`;
    if (pulse !== present) {
      pulse = present;
      movedAt = performance.now();
    }
    await pause(200);
  }
}

const LIST = z.looseObject({ total: z.int(), data: z.array(z.looseObject({ id: z.string() })) });
const EXECUTION = z.looseObject({
  id: z.string(),
  playbookId: z.string(),
  userId: z.string(),
  status: z.string(),
  parentExecutionId: z.string().nullable(),
});
const ACTION = z.looseObject({
  actionId: z.string(),
  actionType: z.string(),
  status: z.string(),
  verification: z.string().nullable(),
  target: z.string().nullable(),
  idempotencyKey: z.string().nullable(),
});
const DETAIL = z.looseObject({
  data: z.looseObject({
    stages: z.array(
      z.looseObject({
        actions: z.array(
          z.looseObject({ actionId: z.string(), settledAt: z.iso.datetime({ offset: true }).nullable() }),
        ),
      }),
    ),
  }),
});
const APPROVAL = z.looseObject({
  data: z.looseObject({ id: z.string(), votes: z.array(z.looseObject({ userId: z.string() })) }),
});
const TAKEN = z.looseObject({ data: z.looseObject({ accepted: z.int() }) });

/** The end states as the API shows them, written to `file`. */
export async function dumpJournal(api: Api, staff: Staff, load: Load, file: string): Promise<void> {
  const base = '/api/incident-playbooks';
  const key = (index: number): string => staff.readers[index % staff.readers.length] ?? '';
  /** Asks again when a machine that is busy with other things was too slow, or the server says that it was asked too much. */
  const ask = async (method: 'GET' | 'POST', path: string, asker: string, sent?: Sent): Promise<unknown> => {
    for (let tries = 1; ; tries += 1) {
      const reply = await api.ask(method, path, asker, sent).catch((thrown: unknown) => {
        if (tries === TRIES) throw thrown;
        return null;
      });
      if (reply?.status === 429 && tries < TRIES) await pause(TOO_MANY_MS);
      else if (reply !== null) return expectStatus(reply, 200);
    }
  };
  const get = (path: string, asker: string): Promise<unknown> => ask('GET', path, asker);
  const all = async (path: string): Promise<readonly unknown[]> => {
    const found: unknown[] = [];
    for (let total = 1, skip = 0; skip < total; skip += PAGE) {
      const page = LIST.parse(await get(`${path}?limit=${PAGE}&skip=${skip}`, key(skip)));
      total = page.total;
      found.push(...page.data);
    }
    return found;
  };
  const executions = z.array(EXECUTION).parse(await all(`${base}/executions`));
  const actions = await inTurns(executions, async ({ id }, index) => {
    const path = `${base}/audits?executionId=${id}&limit=${PAGE}`;
    const found = z.array(ACTION).parse(LIST.parse(await get(path, key(index))).data);
    // Only where it matters when somebody settled an action: at a target that cannot know a late call from another one.
    if (found.every(({ actionType }) => actionType !== 'CUSTOM_WEBHOOK'))
      return found.map((action) => ({ ...action, settledAt: null }));
    const { data } = DETAIL.parse(await get(`${base}/executions/${id}`, key(index)));
    const settledAt = new Map(
      data.stages.flatMap(({ actions: all }) => all.map((action) => [action.actionId, action.settledAt] as const)),
    );
    return found.map((action) => ({ ...action, settledAt: settledAt.get(action.actionId) ?? null }));
  });
  const approvals = await inTurns([...load.votedOn], async (id, index) => {
    return APPROVAL.parse(await get(`${base}/approvals/${id}`, key(index))).data;
  });
  // An event that is stored is a duplicate when it comes again; one that is accepted now had been lost.
  const acceptedAgain = await inTurns(load.batches, async ({ path, body }) => {
    const sent = { body, type: 'application/x-ndjson' };
    return TAKEN.parse(await ask('POST', path, staff.load, sent)).data.accepted;
  });
  const dump = {
    executions: executions.map(({ id, playbookId, userId, status, parentExecutionId }, index) => ({
      id,
      playbookId,
      userId,
      status,
      parent: parentExecutionId,
      actions: (actions[index] ?? []).map(
        ({ actionId, actionType, status: became, verification, target, idempotencyKey, settledAt }) => ({
          actionId,
          actionType,
          status: became,
          verification,
          target,
          key: idempotencyKey,
          settledAt: settledAt === null ? null : Date.parse(settledAt),
        }),
      ),
    })),
    approvals: approvals.map(({ id, votes }) => ({ id, voters: votes.map(({ userId }) => userId) })),
    acceptedAgain,
  };
  writeFileSync(file, JSON.stringify(dump));
}

async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const turn = items.slice(from, from + AT_ONCE);
    results.push(...(await Promise.all(turn.map((item, offset) => work(item, from + offset)))));
  }
  return results;
}

const VERDICT = z.looseObject({ intact: z.boolean() });
const REPLAYS = z.object({ executions: z.int(), differing: z.array(z.string()), queued: z.int() });

/** Has the stopped journal verified and every execution derived again by the sound program; writes what came of it. */
export async function verifyJournal(programs: Programs, { dataDir, env }: Store, file: string): Promise<void> {
  const verify = await programs.runSound('main', ['audit', 'verify', '--json', '--data', dataDir], env, VERIFY_MS);
  const replayer = fileURLToPath(new URL('replay.js', import.meta.url));
  const replays = REPLAYS.parse(await programs.runSound(replayer, [programs.sound, dataDir], env, VERIFY_MS));
  writeFileSync(file, JSON.stringify({ verify: VERDICT.parse(verify), replays, queued: replays.queued }));
}
