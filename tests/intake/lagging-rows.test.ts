import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { ALL_RULES } from '../../src/pipeline/intake/detector-memory.ts';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { eventOf, MINUTE, T0, user } from '../../src/pipeline/detections/test-event.ts';
import { foundIn, testIntake, type TestIntake } from '../support/intake.ts';

/**
 * Rows of detector states follow behind the events they follow from. A process that ends without a word leaves rows
 * that are old; the next one has to know everything all the same.
 */

const ATTACKER = '2.125.160.216';
const NOW = T0 + 60 * MINUTE;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-lagging-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function accepted(given: Parameters<typeof eventOf>[0]): AcceptedEvent {
  const event = eventOf(given);
  return { event, raw: Buffer.from(event.id) };
}

/** Ordinary sign-ins from as many addresses: more keys than are written with one batch. */
function ordinary(batch: number, size = 300): readonly AcceptedEvent[] {
  return Array.from({ length: size }, (_, index) => {
    const who = `b${batch}n${index}`;
    const ip = `81.2.${batch}.${index % 256}`;
    return accepted({ id: who, time: T0 + batch * MINUTE + index, subject: user(who), ip });
  });
}

const failure = (id: string, minute: number): AcceptedEvent =>
  accepted({ id, time: T0 + minute * MINUTE, ip: ATTACKER, outcome: 'failure', subject: user(id) });

/** One attack, its three accounts in three batches. */
const BATCHES = [1, 2, 3].map((batch) => [...ordinary(batch), failure(`victim${batch}`, batch)]);

const open = (name: string, more: Partial<Parameters<typeof testIntake>[0]> = {}): TestIntake =>
  testIntake({ file: join(folder, `${name}.sqlite`), now: NOW, ...more });

async function rowOf(journal: Journal, key: string) {
  return (await journal.detectorStates([{ rule: ALL_RULES, key }])).get(`${ALL_RULES}\n${key}`);
}

async function inOneProcess() {
  const house = open('reference');
  for (const batch of BATCHES) await house.intake.take(batch, undefined);
  const found = await foundIn(house.journal);
  await house.close();
  return found;
}

describe('a process that ends between batches', () => {
  it('loses nothing that was not written yet: the next one judges the batches again', async () => {
    const reference = await inOneProcess();
    expect(reference.findings).toHaveLength(1);
    for (const [index, batch] of BATCHES.entries()) {
      const house = open('crashing');
      const row = await rowOf(house.journal, `ip:${ATTACKER}`);
      if (index === 1) expect(row).toBe(undefined);
      if (index === 2) expect(row?.body).toMatchObject({ u: 1 });
      await house.intake.take(batch, undefined);
      expect(await house.journal.arrivals?.newest()).toBe(index + 1);
      await house.close();
    }
    const house = open('crashing');
    expect(await foundIn(house.journal)).toEqual(reference);
    // What was judged again is not found again.
    await house.intake.take([accepted({ id: 'after', time: NOW })], undefined);
    expect(await foundIn(house.journal)).toEqual(reference);
    expect(house.errors).toEqual([]);
    await house.close();
  });

  it('leaves rows that catch up as batches come, until the mark stands behind all of them', async () => {
    const house = open('catching-up');
    await house.intake.take(BATCHES[0] ?? [], undefined);
    expect(await rowOf(house.journal, 'user:b1n7')).toBe(undefined);
    for (let batch = 4; batch < 40; batch += 1) await house.intake.take(ordinary(batch, 40), undefined);
    expect(await rowOf(house.journal, `ip:${ATTACKER}`)).toMatchObject({ version: 1 });
    const mark = (await house.journal.detectorStates([{ rule: '#', key: 'mark' }])).get('#\nmark');
    expect(Number((mark?.body as { readonly upTo?: number } | undefined)?.upTo)).toBeGreaterThan(1);
    await house.close();
  });
});

describe('a process that stops in order', () => {
  it('writes everything, so that the next one finds it without judging anything again', async () => {
    const house = open('stopping');
    for (const batch of BATCHES) await house.intake.take(batch, undefined);
    await house.intake.flush();
    const [mark, row] = [
      (await house.journal.detectorStates([{ rule: '#', key: 'mark' }])).get('#\nmark'),
      await rowOf(house.journal, 'user:b3n299'),
    ];
    expect(mark?.body).toMatchObject({ upTo: 3 });
    expect(row?.body).toMatchObject({ u: 3 });
    await house.intake.take([failure('victim4', 4)], undefined);
    expect((await foundIn(house.journal)).findings).toMatchObject([{ evidenceCount: 4 }]);
    expect(house.errors).toEqual([]);
    await house.close();
  });
});

describe('a batch', () => {
  it('that another process was faster with is judged again on what that one led to', async () => {
    const reference = await inOneProcess();
    const [first, second] = [open('two'), open('two')];
    await first.intake.take(BATCHES[0] ?? [], undefined);
    await second.intake.take(BATCHES[1] ?? [], undefined);
    await first.intake.take(BATCHES[2] ?? [], undefined);
    expect(await foundIn(first.journal)).toEqual(reference);
    expect([...first.errors, ...second.errors]).toEqual([]);
    await first.close();
    await second.close();
  });

  it('is written with everything it touches where the journal keeps no order of batches', async () => {
    const reference = await inOneProcess();
    const [first, second] = [open('shared', { shared: true }), open('shared', { shared: true })];
    await first.intake.take(BATCHES[0] ?? [], undefined);
    expect(await rowOf(first.journal, `ip:${ATTACKER}`)).toMatchObject({ version: 1 });
    await second.intake.take(BATCHES[1] ?? [], undefined);
    await first.intake.take(BATCHES[2] ?? [], undefined);
    expect(await rowOf(first.journal, `ip:${ATTACKER}`)).toMatchObject({ version: 3 });
    expect(await foundIn(first.journal)).toEqual(reference);
    expect([...first.errors, ...second.errors]).toEqual([]);
    await first.close();
    await second.close();
  });
});
