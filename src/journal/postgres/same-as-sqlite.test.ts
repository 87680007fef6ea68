import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openOn } from '../../../tests/support/postgres-place.ts';
import { sharedCluster } from '../../../tests/support/postgres.ts';
import type { AcceptedEvent } from '../../pipeline/events/event.ts';
import { normaliseEvent } from '../../pipeline/events/normalise-event.ts';
import type { Change, Journal } from '../journal.ts';
import { openSqliteJournal } from '../sqlite/sqlite-journal.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

const AT = Date.UTC(2026, 10, 21);
/** Few names, so that the members of a batch meet. */
const NAMES = ['a', 'b', 'ä\u{1f600}'];
const name = fc.constantFrom(...NAMES);
const version = fc.integer({ min: 0, max: 3 });
const at = fc.integer({ min: AT, max: AT + 5 });

const appends = fc
  .record({ stream: name, expectedSeq: version, ats: fc.array(at, { maxLength: 2 }) })
  .map(({ stream, expectedSeq, ats }) => ({
    stream,
    expectedSeq,
    records: ats.map((time) => ({ type: 'execution.note', v: 1, at: time, data: { text: stream } })),
  }));
const views = fc.record({
  kind: fc.constantFrom('finding' as const, 'incident' as const),
  id: name,
  expectedVersion: fc.option(version),
  uniqueKey: fc.option(name),
  status: fc.option(name),
  at,
  body: fc.option(fc.string({ unit: 'binary', maxLength: 4 })),
});
const states = fc.record({
  rule: fc.constant('r'),
  key: name,
  expectedVersion: version,
  chosen: fc.boolean(),
  touchedAt: at,
  body: fc.string({ maxLength: 3 }),
});
const timers = fc.record({ execution: name, name, generation: version, due: fc.option(at) });
const effects = fc.record({ execution: name, name, body: fc.option(fc.string({ maxLength: 3 })) });
const change: fc.Arbitrary<Change> = fc.record({
  appends: fc.uniqueArray(appends, { maxLength: 2, selector: ({ stream }) => stream }),
  objects: fc.array(fc.record({ hash: name, body: fc.string({ maxLength: 3 }) }), { maxLength: 2 }),
  events: fc.array(name, { maxLength: 2 }).map((ids) => ids.map(accepted)),
  detectorStates: fc.array(states, { maxLength: 2 }),
  views: fc.array(views, { maxLength: 3 }),
  timers: fc.array(timers, { maxLength: 2 }),
  effects: fc.array(effects, { maxLength: 2 }),
});
const forgetting: fc.Arbitrary<Change> = fc
  .record({ chosen: fc.boolean(), before: at })
  .map((forgotten) => ({ appends: [], forgottenStates: [forgotten] }));
const batches = fc.array(
  fc.array(fc.oneof({ weight: 8, arbitrary: change }, { weight: 1, arbitrary: forgetting }), { maxLength: 5 }),
  {
    minLength: 1,
    maxLength: 6,
  },
);

function accepted(id: string): AcceptedEvent {
  const json = { id, time: new Date(AT).toISOString(), kind: 'login', actor: 'anna', outcome: 'success' };
  const raw = new TextEncoder().encode(JSON.stringify(json));
  const context = { format: 'firebreak' as const, source: 'test:1', receivedAt: AT, deliveryId: id };
  const normalised = normaliseEvent({ bytes: raw, json }, context);
  if (!normalised.ok) throw new Error(normalised.reason);
  return { event: normalised.event, raw };
}

/** The same change about things of this round only, so that all rounds can share two journals. */
function inRound(round: string, given: Change): Change {
  const own = (text: string): string => `${round}/${text}`;
  return {
    ...given,
    appends: given.appends.map((each) => ({ ...each, stream: own(each.stream) })),
    objects: (given.objects ?? []).map((each) => ({ ...each, hash: own(each.hash) })),
    events: (given.events ?? []).map(({ event, raw }) => ({ event: { ...event, id: own(event.id) }, raw })),
    detectorStates: (given.detectorStates ?? []).map((each) => ({ ...each, key: own(each.key) })),
    views: (given.views ?? []).map(({ uniqueKey = null, ...each }) => ({
      ...each,
      id: own(each.id),
      parent: round,
      uniqueKey: uniqueKey === null ? null : own(uniqueKey),
    })),
    timers: (given.timers ?? []).map((each) => ({ ...each, execution: own(each.execution) })),
    effects: (given.effects ?? []).map((each) => ({ ...each, execution: own(each.execution) })),
  };
}

async function contents(journal: Journal, round: string): Promise<unknown> {
  const own = (text: string): string => `${round}/${text}`;
  const streams = await journal.streams(own(''));
  const records: unknown[] = [];
  for (const stream of streams) records.push(await journal.log.recordRows(stream));
  const keys = NAMES.map((key) => ({ rule: 'r', key: own(key) }));
  const events: unknown[] = [];
  for (const id of NAMES) events.push((await journal.event('test:1', own(id)))?.event ?? null);
  const holders: unknown[] = [];
  for (const key of NAMES) holders.push((await journal.viewByUniqueKey('finding', own(key)))?.id ?? null);
  const ofRound = { parent: round, limit: 100, skip: 0 };
  const mine = (execution: string): boolean => execution.startsWith(own(''));
  return {
    streams,
    records,
    events,
    holders,
    findings: await journal.listViews({ kind: 'finding', ...ofRound }),
    incidents: await journal.listViews({ kind: 'incident', ...ofRound }),
    states: [...(await journal.detectorStates(keys))].sort(),
    chosen: await journal.chosenStateCount(),
    timers: (await journal.dueTimers(Number.MAX_SAFE_INTEGER, 10_000)).filter(({ execution }) => mine(execution)),
    effects: (await journal.queuedEffects()).filter(({ execution }) => mine(execution)),
    objects: [await journal.object(own('a')), await journal.object(own('b'))],
    unsequenced: (await journal.log.unsequenced(10_000))
      .filter(({ stream }) => mine(stream))
      .map(({ stream, seq }) => `${stream} ${seq}`)
      .sort(),
  };
}

describe.skipIf(shared.skip !== null)('both adapters', { timeout: 120_000 }, () => {
  it('answer and keep the same, whatever the batches are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-same-'));
    const birth = { id: 'jrn_same', at: 5, accelerated: true };
    const postgres = await openOn(await (await shared.cluster()).database(), { birth });
    const sqlite = openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth });
    let rounds = 0;
    try {
      await fc.assert(
        fc.asyncProperty(batches, async (given) => {
          rounds += 1;
          const round = `round${rounds}`;
          for (const each of given) {
            const batch = each.map((member) => inRound(round, member));
            expect(await postgres.commit(batch)).toEqual(await sqlite.commit(batch));
          }
          expect(await contents(postgres, round)).toEqual(await contents(sqlite, round));
        }),
        { numRuns: 150 },
      );
    } finally {
      await postgres.close();
      await sqlite.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
