import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError, type Journal } from '../../src/journal/journal.ts';
import { statusOf } from '../../src/pipeline/executions/core/state.ts';
import { FIRST_PUT_OFF_MS } from '../../src/pipeline/put-off.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { gate, planAction, planOf } from '../support/plans.ts';

/** One execution that cannot be read: a record of it was changed, say, or was written by a newer version. */

const folders: string[] = [];
const engines: TestEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** What stands in the way of reading the stream of the first execution. */
interface Trouble {
  thrown: Error | null;
  /** How often somebody tried. */
  tries: number;
}

const SPOILED = new Error('Record 2 of the stream execution/exe_1 cannot be read');
const IDS = ['exe_1', 'exe_2'];

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-unreadable-'));
  folders.push(folder);
  return join(folder, 'journal.sqlite');
}

function troubled(file: string, trouble: Trouble): TestEngine {
  const journalThrough = (journal: Journal): Journal => ({
    ...journal,
    async readStream(stream, after) {
      if (stream === 'execution/exe_1' && trouble.thrown !== null) {
        trouble.tries += 1;
        throw trouble.thrown;
      }
      return journal.readStream(stream, after);
    },
  });
  const engine = testEngine({ file, journalThrough });
  engines.push(engine);
  return engine;
}

const statusIn = async ({ store }: TestEngine, id: string): Promise<string> => statusOf((await store.load(id)).state);
const said = ({ bugs }: TestEngine): string[] => bugs.map((each) => (each instanceof Error ? each.message : '?'));
const STUCK = `Execution exe_1 cannot be gone on with: ${SPOILED.message}`;

describe('what a process that is gone has left', () => {
  const plan = (id: string) => planOf([planAction('a', { target: id })]);

  /** Two executions whose calls were under way. */
  async function left(): Promise<string> {
    const file = newFile();
    const dead = testEngine({ file });
    dead.target.gate = (call) => (call.startsWith('perform') ? new Promise(() => undefined) : Promise.resolve());
    for (const id of IDS) await dead.start(plan(id), id);
    await expect.poll(() => dead.target.calls.filter((call) => call.startsWith('perform'))).toHaveLength(IDS.length);
    await dead.crash();
    return file;
  }

  it('is gone on with beside an execution that cannot be read, which is named once and not at every look', async () => {
    const trouble = { thrown: SPOILED, tries: 0 };
    const engine = troubled(await left(), trouble);
    engine.know(plan('exe_1'));
    for (let looks = 0; looks < 3; looks += 1) await engine.runner.takeOver();
    await engine.runner.catchUp();
    await engine.runUntilQuiet(200_000);
    expect(await statusIn(engine, 'exe_2')).toBe('COMPLETED');
    expect([said(engine), trouble.tries]).toEqual([[STUCK], 1]);
  });

  it('is read again where only the store was away', async () => {
    const trouble: Trouble = { thrown: new StoreUnavailableError('away', false), tries: 0 };
    const engine = troubled(await left(), trouble);
    engine.know(plan('exe_1'));
    await expect(engine.runner.takeOver()).rejects.toThrow('away');
    trouble.thrown = null;
    await engine.runner.takeOver();
    await engine.runUntilQuiet();
    expect(await Promise.all(IDS.map((id) => statusIn(engine, id)))).toEqual(['COMPLETED', 'COMPLETED']);
    expect(said(engine)).toEqual([]);
  });
});

describe('timers that are due', () => {
  const plan = planOf([planAction('a', { gates: [gate({ timeoutMs: 60_000 })] })]);

  /** Two requests whose time is over; the process that raised them is gone, and with it what it remembered. */
  async function overdue(trouble: Trouble): Promise<TestEngine> {
    const file = newFile();
    const first = testEngine({ file });
    for (const id of IDS) await first.start(plan, id);
    await first.settle();
    await first.close();
    const engine = troubled(file, trouble);
    engine.know(plan);
    engine.clock.advanceTo(engine.clock.now() + 120_000);
    return engine;
  }

  it('are applied beside those of an execution that cannot be read, whose own are put off', async () => {
    const trouble: Trouble = { thrown: SPOILED, tries: 0 };
    const engine = await overdue(trouble);
    await engine.runner.tick();
    const { tries } = trouble;
    for (let ticks = 0; ticks < 5; ticks += 1) await engine.runner.tick();
    await engine.settle();
    expect(await statusIn(engine, 'exe_2')).not.toBe('AWAITING_APPROVAL');
    expect([said(engine), trouble.tries]).toEqual([[STUCK], tries]);
    expect(await engine.journal.nextTimerDue()).toBe(engine.clock.now() + FIRST_PUT_OFF_MS);
  });

  it('of it are applied once it can be read again', async () => {
    const trouble: Trouble = { thrown: SPOILED, tries: 0 };
    const engine = await overdue(trouble);
    await engine.runner.tick();
    trouble.thrown = null;
    await engine.runUntilQuiet();
    expect(await statusIn(engine, 'exe_1')).toBe(await statusIn(engine, 'exe_2'));
  });

  it('stay due while the store is away', async () => {
    const trouble: Trouble = { thrown: new StoreUnavailableError('away', false), tries: 0 };
    const engine = await overdue(trouble);
    const due = await engine.journal.nextTimerDue();
    await expect(engine.runner.tick()).rejects.toThrow('away');
    expect(await engine.journal.nextTimerDue()).toBe(due);
    expect(said(engine)).toEqual([]);
  });
});
