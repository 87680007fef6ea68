import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { groupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { steeredClock, type SteeredClock } from '../platform/clock.ts';
import { realMachine } from '../platform/machine.ts';
import { createDueStreams } from './due-streams.ts';
import { FIRST_PUT_OFF_MS, LONGEST_PUT_OFF_MS, putOffMs } from './put-off.ts';

const folder = mkdtempSync(join(tmpdir(), 'firebreak-due-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const START = Date.UTC(2026, 5, 1, 8);
/** More than are looked at in one go. */
const MANY = 600;

let journal: Journal;
let clock: SteeredClock;
let files = 0;

beforeEach(() => {
  files += 1;
  journal = openSqliteJournal({
    file: join(folder, `${files}.sqlite`),
    birth: { id: `jrn_${files}`, at: START, accelerated: false },
  });
  clock = steeredClock(START + 10_000);
});

async function timers(count: number, nameOf: (index: number) => string, due: number): Promise<void> {
  const all = Array.from({ length: count }, (_, index) => ({
    execution: nameOf(index),
    name: 't',
    generation: 1,
    due,
  }));
  await journal.commit([{ appends: [], timers: all }]);
}

/** A room whose broken streams always fail; whatever works takes its timer out, as rooms do. */
function room(prefix: string, applied: string[], errors: unknown[] = []) {
  const committer = groupCommitter(journal, realMachine);
  return createDueStreams({
    journal,
    committer,
    clock,
    prefix,
    async apply(id) {
      if (id.startsWith('broken')) throw new Error(`${id} cannot be counted`);
      applied.push(id);
      await committer.submit({
        appends: [],
        timers: [{ execution: `${prefix}${id}`, name: 't', generation: 1, due: null }],
      });
    },
    onError: (thrown) => void errors.push(thrown),
  });
}

describe('timers that always fail', () => {
  it('keep no others waiting, of their own room or of another one, or of an execution', async () => {
    await timers(MANY, (index) => `deadline/broken-${index}`, START);
    await timers(1, () => 'deadline/sound', START + 1);
    await timers(1, () => 'escalation/sound', START + 1);
    await timers(1, () => 'exe_1', START + 1);
    const [applied, errors]: [string[], unknown[]] = [[], []];
    const [clocks, escalations] = [room('deadline/', applied, errors), room('escalation/', applied)];
    // The first look sees broken ones only: as long as they kept their place, every look would.
    await clocks.tick();
    expect([applied.length, errors.length]).toEqual([0, 500]);
    await clocks.tick();
    await escalations.tick();
    expect([applied, errors.length]).toEqual([['sound', 'sound'], MANY]);
    expect((await journal.dueTimers(clock.now(), 500)).map(({ execution }) => execution)).toEqual(['exe_1']);
  });

  it('are tried again, later each time, and at once when the room sets another time', async () => {
    await timers(1, () => 'deadline/broken', START);
    const errors: unknown[] = [];
    const clocks = room('deadline/', [], errors);
    const looks: number[] = [];
    for (let look = 0; look < 4; look += 1) {
      await clocks.tick();
      const due = (await journal.nextTimerDue()) ?? 0;
      looks.push(due - clock.now());
      await clocks.tick();
      clock.advanceTo(due);
    }
    expect(looks).toEqual([1, 2, 4, 8].map((times) => times * FIRST_PUT_OFF_MS));
    expect(errors).toHaveLength(4);
    await timers(1, () => 'deadline/broken', START);
    await clocks.tick();
    expect(errors).toHaveLength(5);
  });

  it('stay due while the store is away', async () => {
    await timers(1, () => 'deadline/broken', START);
    const errors: unknown[] = [];
    const away = { submit: () => Promise.reject(new Error('the store is away')) };
    const apply = () => Promise.reject(new Error('the store is away'));
    const ports = { journal, committer: away, clock, prefix: 'deadline/', apply };
    await createDueStreams({ ...ports, onError: (thrown) => void errors.push(thrown) }).tick();
    expect(errors).toHaveLength(2);
    expect(await journal.nextTimerDue()).toBe(START);
  });
});

it('waits longer each time, and never longer than an hour', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (tries) => {
      expect(putOffMs(tries)).toBeGreaterThanOrEqual(FIRST_PUT_OFF_MS);
      expect(putOffMs(tries + 1)).toBeGreaterThanOrEqual(putOffMs(tries));
      expect(putOffMs(tries)).toBeLessThanOrEqual(LONGEST_PUT_OFF_MS);
    }),
  );
});
