import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { steeredClock } from '../platform/clock.ts';
import type { Journal } from './journal.ts';
import { loadLogKey } from './log-key.ts';
import { openLogKeeper } from './log-keeper.ts';
import { openSqliteJournal } from './sqlite/sqlite-journal.ts';

const START = Date.UTC(2026, 10, 21);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

it('tells every anchor of a checkpoint, also where the one before cannot take it, and comes back to that one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-keeper-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const birth = { id: 'jrn_test', at: START, accelerated: false };
  const journal = openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth });
  closers.push(() => journal.close());
  const told: string[] = [];
  let full = true;
  const disk = async (_: string, size: number): Promise<void> => {
    if (full) throw new Error('the disk is full');
    told.push(`disk ${size}`);
  };
  const witness = async (_: string, size: number): Promise<void> => void told.push(`witness ${size}`);
  const key = loadLogKey(join(folder, 'key.pem'));
  const keeper = await openLogKeeper(journal, key, steeredClock(START), [disk, witness]);
  await expect(keeper.keep(true)).rejects.toThrow('the disk is full');
  expect(told).toEqual(['witness 1']);
  full = false;
  await keeper.keep(true);
  expect(told).toContain('disk 1');
});

it('stops where the log is shorter than it was, as a standby has it that took over without the last commits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-keeper-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const birth = { id: 'jrn_test', at: START, accelerated: false };
  const journal = openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth });
  closers.push(() => journal.close());
  let lost = 0;
  let looks = 0;
  const failedOver: Journal = {
    ...journal,
    shared: true,
    log: {
      ...journal.log,
      size: async () => (await journal.log.size()) - lost,
      place: async (expectedSize, leaves) => lost === 0 && journal.log.place(expectedSize, leaves),
      async unsequenced(limit) {
        looks += 1;
        if (looks > 50) throw new Error('looked for ever');
        return journal.log.unsequenced(limit);
      },
    },
  };
  const keeper = await openLogKeeper(failedOver, loadLogKey(join(folder, 'key.pem')), steeredClock(START), []);
  await keeper.keep(true);
  lost = 1;
  const records = [{ type: 'execution.note', v: 1, at: START, data: { text: 'after it' } }];
  await journal.commit([{ appends: [{ stream: 'execution/exe_1', expectedSeq: 0, records }] }]);
  await expect(keeper.keep(true)).rejects.toThrow('is shorter than it was');
  expect(await journal.log.checkpoints()).toHaveLength(1);
});

it('is refused to another key also where the first one placed everything between two looks, and has not signed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-keeper-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const journal = openSqliteJournal({
    file: join(folder, 'journal.sqlite'),
    birth: { id: 'jrn_test', at: START, accelerated: false },
  });
  closers.push(() => journal.close());
  const clock = steeredClock(START);
  const [first, second] = ['first', 'second'].map((name) => loadLogKey(join(folder, `${name}.pem`)));
  if (first === undefined || second === undefined) throw new Error('no keys');

  let signs: () => void = () => undefined;
  const maySign = new Promise<void>((resolve) => (signs = resolve));
  let opening: Promise<unknown> | null = null;
  const slow: Journal = {
    ...journal,
    shared: true,
    log: {
      ...journal.log,
      async addCheckpoint(...given) {
        await maySign;
        return journal.log.addCheckpoint(...given);
      },
    },
  };
  /** The first one places everything right before this one looks for what is not placed, and signs when that has looked twice. */
  const between: Journal = {
    ...journal,
    shared: true,
    log: {
      ...journal.log,
      async unsequenced(limit) {
        if (opening === null) {
          opening = openLogKeeper(slow, first, clock, []);
          while ((await journal.log.size()) === 0) await new Promise(setImmediate);
        } else {
          signs();
          await opening;
        }
        return journal.log.unsequenced(limit);
      },
    },
  };
  await expect(openLogKeeper(between, second, clock, [])).rejects.toThrow('signed with another key');
  expect(await journal.log.checkpoints()).toHaveLength(1);
});
