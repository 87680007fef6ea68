import { messageOf } from '../../src/platform/errors.ts';
import { faultsOf, readRows, type Rows } from './intact.ts';
import { play, PlayError, type Outcome, type Played, type PlayOptions, type Programs } from './play.ts';
import { DivergedError, exploreSchedules, runSchedule, type Bounds, type Choose, type Explored } from './schedules.ts';
import type { ProcessSpec, World, Worlds } from './world.ts';

/** A few processes, what each of them does at the same time, and what must come of it in whatever order it happens. */
export interface Scenario extends PlayOptions {
  readonly name: string;
  readonly processes: readonly ProcessSpec[];
  /** What is there before; nobody else is awake. */
  prepare?(world: World): Promise<void>;
  programs(world: World): Programs;
  /** Whether what comes of it must be what comes of running the programs one after the other, in some order. */
  readonly serializable?: boolean;
  /** What more must hold. @throws when it does not. */
  check?(played: Played, rows: Rows, world: World): Promise<void> | void;
  /**
   * What some schedule must have shown, as a line of its trace or of what came of it: a scenario in which nothing of the
   * kind happens any more has stopped to test what it is for.
   */
  readonly reaches?: readonly RegExp[];
  /** What the suite runs by itself. */
  readonly suite: Bounds & { readonly atLeast: number };
  /** What FIREBREAK_INTERLEAVINGS=all runs; by default two preemptions, all schedules. */
  readonly all?: Partial<Bounds>;
}

export interface Report extends Explored {
  readonly steps: number;
  /** CPU time of this process, in ms; the server's comes on top. */
  readonly cpuMs: number;
  /** The steps of the last schedule. */
  readonly trace: readonly string[];
}

const ALL: Bounds = { preemptions: 2, faults: 1, schedules: 100_000 };

/** Runs a scenario through its schedules, or one of them (`only`). @throws with the schedule that failed. */
export async function exploreScenario(
  worlds: Worlds,
  scenario: Scenario,
  { all, only }: { readonly all: boolean; readonly only: readonly string[] | null },
): Promise<Report> {
  const began = process.cpuUsage();
  let steps = 0;
  let trace: readonly string[] = [];
  const serial = scenario.serializable === true ? await inWorld(worlds, scenario, serialEnds) : null;
  const missing = new Set(scenario.reaches ?? []);
  const run = async (choose: Choose): Promise<void> => {
    const played = await inWorld(worlds, scenario, (world) => runOnce(world, scenario, serial, choose));
    steps += played.steps;
    ({ trace } = played);
    for (const each of missing) if (shown(played).some((line) => each.test(line))) missing.delete(each);
  };
  const bounds = all ? { ...ALL, ...scenario.all } : scenario.suite;
  const explored = only === null ? await exploreSchedules(bounds, run) : await runGiven(only, run);
  if (only === null && missing.size > 0)
    throw new Error(`${scenario.name}: no schedule shows ${[...missing].join(', ')}`);
  const { user, system } = process.cpuUsage(began);
  return { ...explored, steps, cpuMs: Math.round((user + system) / 1_000), trace };
}

/** Works in the world of a scenario, which is not used again when that fails: sessions may stand in the middle of something. */
async function inWorld<Result>(
  worlds: Worlds,
  scenario: Scenario,
  work: (world: World, scenario: Scenario) => Promise<Result>,
): Promise<Result> {
  const world = await worlds.of(scenario.processes);
  try {
    return await work(world, scenario);
  } catch (thrown) {
    await worlds.discard(world);
    throw thrown;
  }
}

async function runGiven(only: readonly string[], run: (choose: Choose) => Promise<void>): Promise<Explored> {
  await runSchedule(only, run);
  return { schedules: 1, complete: false, diverged: 0 };
}

async function runOnce(
  world: World,
  scenario: Scenario,
  serial: ReadonlyMap<string, string> | null,
  choose: Choose,
): Promise<Played> {
  const tokens: string[] = [];
  const noting: Choose = (options) => {
    const token = choose(options);
    tokens.push(token);
    return token;
  };
  let trace: readonly string[] = [];
  try {
    await fresh(world, scenario);
    const played = await play(world, scenario.programs(world), noting, scenario);
    ({ trace } = played);
    const rows = await readRows(world);
    const faults = faultsOf(rows);
    if (faults.length > 0) throw new Error(faults.join('; '));
    if (serial !== null) requireSerial(serial, played, rows);
    await scenario.check?.(played, rows, world);
    return played;
  } catch (thrown) {
    const cause = thrown instanceof PlayError ? thrown.cause : thrown;
    if (cause instanceof DivergedError) throw cause;
    throw failure(scenario, tokens, thrown instanceof PlayError ? thrown.trace : trace, thrown);
  }
}

/** The lines of a trace, and what each thread came to. */
function shown({ trace, outcomes }: Played): readonly string[] {
  const ends = [...outcomes].map(([thread, outcome]) => {
    const end = 'value' in outcome ? JSON.stringify(outcome.value) : messageOf(outcome.thrown);
    return `${thread} ended with ${end}`;
  });
  return [...trace, ...ends];
}

async function fresh(world: World, scenario: Scenario): Promise<void> {
  await world.reset();
  await scenario.prepare?.(world);
}

/** A failure as somebody needs it who wants to see it again. */
function failure(scenario: Scenario, tokens: readonly string[], trace: readonly string[], thrown: unknown): Error {
  const schedule = tokens.join(' ');
  const lines = [
    `${scenario.name}: ${messageOf(thrown)}`,
    '',
    `schedule: ${schedule}`,
    ...trace.map((line) => `  ${line}`),
    '',
    `again: FIREBREAK_SCHEDULE='${schedule}' npx vitest run tests/interleavings -t '${scenario.name}'`,
  ];
  return new Error(lines.join('\n'), { cause: thrown });
}

/** What comes of the programs when they run one after the other, by the order of their letters. */
async function serialEnds(world: World, scenario: Scenario): Promise<ReadonlyMap<string, string>> {
  const ends = new Map<string, string>();
  await fresh(world, scenario);
  for (const order of permutations(Object.keys(scenario.programs(world)))) {
    await fresh(world, scenario);
    const programs = scenario.programs(world);
    const outcomes = new Map<string, Outcome>();
    for (const thread of order) {
      const program = programs[thread];
      if (program === undefined) continue;
      outcomes.set(
        thread,
        await program().then(
          (value): Outcome => ({ value }),
          (thrown: unknown): Outcome => ({ thrown }),
        ),
      );
    }
    ends.set(endOf(outcomes, await readRows(world)), order.join(' '));
  }
  return ends;
}

function requireSerial(serial: ReadonlyMap<string, string>, { outcomes }: Played, rows: Rows): void {
  const end = endOf(outcomes, rows);
  if (serial.has(end)) return;
  const orders = [...serial].map(([each, order]) => `  ${order}: ${each}`);
  throw new Error(['what came of it comes of no order:', `  ${end}`, ...orders].join('\n'));
}

/** What came of a run, as one text. */
function endOf(outcomes: ReadonlyMap<string, Outcome>, rows: Rows): string {
  const said = [...outcomes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([thread, outcome]) => [thread, 'value' in outcome ? outcome.value : messageOf(outcome.thrown)]);
  const { processes: _, ...lasting } = rows; // they beat whenever they do
  return JSON.stringify([said, lasting]);
}

function permutations(items: readonly string[]): readonly (readonly string[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((first) => permutations(items.filter((each) => each !== first)).map((rest) => [first, ...rest]));
}

/** What the program of a thread answered. @throws what it threw. */
export function answerOf(played: Played, thread: string): unknown {
  const outcome = played.outcomes.get(thread);
  if (outcome === undefined) throw new Error(`there is no thread ${thread}`);
  if ('thrown' in outcome) throw new Error(`${thread} failed: ${messageOf(outcome.thrown)}`, { cause: outcome.thrown });
  return outcome.value;
}
