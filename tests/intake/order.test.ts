import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawScenario } from '../../src/demo/traffic.ts';
import { DISORDER_TOLERANCE_MS, MAX_EVENTS_PER_TRANSACTION } from '../../src/platform/limits.ts';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { normaliseEvent } from '../../src/pipeline/events/normalise-event.ts';
import { foundIn, testIntake, type TestIntake } from '../support/intake.ts';

/**
 * The same events in one request, over four callers at once, and shuffled within the five minutes that lateness may
 * take, give the same findings and incidents: in the real intake, over a real journal.
 */

const DAY_START = Date.UTC(2026, 2, 3, 6, 0, 0);
const SEED = 11;

let folder: string;
let reference: Awaited<ReturnType<typeof foundIn>>;
const scenario = drawScenario(SEED, DAY_START);
const events = inTimeOrder();
/** All events are received when the last one has happened. */
const now = Math.max(...events.map(({ event }) => event.time));

function inTimeOrder(): readonly AcceptedEvent[] {
  const drawn: AcceptedEvent[] = [];
  for (const { source, lines } of scenario.files) {
    for (const { line, time } of lines) {
      const raw = Buffer.from(line);
      const given = { bytes: raw, json: JSON.parse(line) as unknown };
      const normalised = normaliseEvent(given, { format: null, source, receivedAt: time });
      if (!normalised.ok) throw new Error(normalised.reason);
      drawn.push({ event: normalised.event, raw });
    }
  }
  return drawn.sort((left, right) => left.event.time - right.event.time);
}

function open(name: string): TestIntake {
  return testIntake({ file: join(folder, `${name}.sqlite`), now, egress: scenario.egress });
}

async function resultOf(name: string, take: (house: TestIntake) => Promise<unknown>) {
  const house = open(name);
  await take(house);
  const found = await foundIn(house.journal);
  expect(await house.journal.eventCount()).toBe(events.length);
  expect(house.errors).toEqual([]);
  await house.close();
  return found;
}

/** Numbers that look random and are the same each time: x → 48271 x mod (2^31 - 1), Lehmer's generator. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}

/** Each event comes up to the tolerance late. */
function shuffled(seed: number): readonly AcceptedEvent[] {
  const draw = drawn(seed);
  return events
    .map((accepted) => ({ accepted, at: accepted.event.time + (draw() % DISORDER_TOLERANCE_MS) }))
    .sort((left, right) => left.at - right.at)
    .map(({ accepted }) => accepted);
}

/** Pieces of uneven sizes. */
function pieces(all: readonly AcceptedEvent[], seed: number, most: number): (readonly AcceptedEvent[])[] {
  const draw = drawn(seed);
  const cut: (readonly AcceptedEvent[])[] = [];
  for (let from = 0; from < all.length;) {
    const size = 1 + (draw() % most);
    cut.push(all.slice(from, from + size));
    from += size;
  }
  return cut;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-order-'));
  reference = await resultOf('reference', ({ intake }) => intake.take(events, undefined));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('findings and incidents', () => {
  it('are there to be compared: all four attacks, among much that is none', () => {
    const types = new Set(reference.incidents.map((incident) => (incident as { type: string }).type));
    for (const { type } of scenario.labels.scenarios) expect([...types]).toContain(type);
    expect(events.length).toBeGreaterThan(2_000);
    expect(events.length).toBeGreaterThan(MAX_EVENTS_PER_TRANSACTION);
  });

  it('are the same from batches of any size', async () => {
    const found = await resultOf('batches', async ({ intake }) => {
      for (const piece of pieces(events, 5, 170)) await intake.take(piece, undefined);
    });
    expect(found).toEqual(reference);
  });

  it('are the same when the events of the day come one by one', async () => {
    const first = events.findIndex(({ event }) => event.time >= scenario.dayStart);
    const found = await resultOf('alone', async ({ intake }) => {
      await intake.take(events.slice(0, first), undefined);
      for (const event of events.slice(first, first + 300)) await intake.take([event], undefined);
      await intake.take(events.slice(first + 300), undefined);
    });
    expect(found).toEqual(reference);
  });

  it('are the same over four callers at once, each with every fourth batch', async () => {
    const cut = pieces(events, 7, 40);
    const found = await resultOf('callers', async ({ intake }) => {
      const caller = async (own: number): Promise<void> => {
        for (const [index, piece] of cut.entries()) if (index % 4 === own) await intake.take(piece, undefined);
      };
      await Promise.all([0, 1, 2, 3].map(caller));
    });
    expect(found).toEqual(reference);
  });

  it.each([3, 17])('are the same when events come up to five minutes late (%i)', async (seed) => {
    const found = await resultOf(`late-${seed}`, async ({ intake }) => {
      for (const piece of pieces(shuffled(seed), seed, 120)) await intake.take(piece, undefined);
    });
    expect(found).toEqual(reference);
  });

  it('are the same when everything is sent twice, and the process starts anew between batches', async () => {
    const name = 'restarts';
    const twice = shuffled(41);
    const cut = pieces(twice, 43, 400);
    const verdicts: string[] = [];
    for (const [index, piece] of cut.entries()) {
      const house = open(name);
      const before = cut[index - 1] ?? [];
      verdicts.push(...(await house.intake.take([...before, ...piece, ...piece], undefined)));
      await house.close();
    }
    const house = open(name);
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(events.length);
    expect(await house.journal.eventCount()).toBe(events.length);
    expect(await foundIn(house.journal)).toEqual(reference);
    await house.close();
  });
});
