import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openApi, type Api } from './api.ts';
import { keepMisbehaving, startCompany, type Company } from './company.ts';
import { drawFrom, type Draw } from './draw.ts';
import { intrude, wreak, type HavocPorts, type Tally } from './havoc.ts';
import { openLedger } from './ledger.ts';
import { SHARED_PEOPLE, startLoad, type Load } from './load.ts';
import { plantsOf } from './plants.ts';
import { openPrograms, type Programs } from './programs.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import { openServer, type Server, type ServerSettings } from './servers.ts';
import { dumpJournal, untilQuiet, verifyJournal } from './settle.ts';
import { hire } from './staff.ts';
import { openStore, type Store, type StoreKind } from './stores.ts';

export interface TortureOptions {
  readonly kills: number;
  readonly replicas: number;
  readonly db: StoreKind;
  readonly seed: number;
  /** A bug to be planted, or null. */
  readonly planted: string | null;
  /** The run ends its kills after this many minutes at the latest. */
  readonly minutes: number;
  /** Directory of the compiled program. */
  readonly dist: string;
  /** Leaves the files of the run where they are. */
  readonly keep: boolean;
}

/** Nothing moves for so long: the run has failed, in ms. */
const WATCHDOG_MS = 60_000;
/** Pieces of load that may begin before the first kill, and with each one. */
const FIRST_LOAD = 60;
const LOAD_PER_KILL = 8;
/** And with each of the last intruders: there has to be work that they could take on and leave behind. */
const LOAD_PER_LAST_INTRUDER = 100;
/** How often it is said how far the run is, in ms. */
const REPORT_MS = 15_000;
/** Second processes that are started when the last kill is done: what they would leave behind nobody takes up by a restart. */
const LAST_INTRUDERS = 2;

type Say = (text: string) => void;

/** One run. Answers with the exit code. @throws Error when the run itself could not be brought to its end. */
export async function torture(options: TortureOptions, say: Say): Promise<number> {
  const edits = options.planted === null ? [] : plantsOf(options.planted, options.db);
  const programs = openPrograms(options.dist, edits, options.keep);
  const cleanUp = (): void => {
    programs.killAll();
    if (!options.keep) programs.remove();
  };
  // Whoever started it with a channel to it, as a test does, is gone when the channel is.
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
    process.once(signal, () => {
      cleanUp();
      process.exit(130);
    });
  }
  const { directory } = programs;
  const { db, replicas, seed, planted } = options;
  say(
    `torture: ${db}, ${replicas} server(s), seed ${seed}${planted === null ? '' : `, planted ${planted}`}, ${directory}`,
  );
  try {
    await inflict(options, programs, say);
    return check(directory, say);
  } finally {
    cleanUp();
  }
}

/** Everything but the adding up: leaves the files that the checker reads in the run's directory. */
async function inflict(options: TortureOptions, programs: Programs, say: Say): Promise<void> {
  const { directory } = programs;
  const draw = drawFrom(options.seed);
  const store = await openStore(options.db, directory);
  if (options.replicas > store.maxServers) throw new Error(`${options.db} has one server at most`);
  const company = await startCompany(programs);
  const receiver = await openReceiver(join(directory, 'receiver.jsonl'), draw.branch());
  const settings: ServerSettings = { programs, store, company, receiver: new URL(receiver.url).host };
  try {
    const servers = await Promise.all(
      Array.from({ length: options.replicas }, (_, index) => openServer(settings, index)),
    );
    await run({ options, programs, say, draw, store, company, receiver, settings, servers });
  } finally {
    await receiver.close();
    await store.close();
  }
}

interface Stage {
  readonly options: TortureOptions;
  readonly programs: Programs;
  readonly say: Say;
  readonly draw: Draw;
  readonly store: Store;
  readonly company: Company;
  readonly receiver: Receiver;
  readonly settings: ServerSettings;
  readonly servers: readonly Server[];
}

async function run(stage: Stage): Promise<void> {
  const { options, programs, draw, store, company, receiver, servers } = stage;
  const { directory } = programs;
  const [first, ...others] = servers;
  if (first === undefined) throw new Error('there is no server');
  const { setupToken } = await first.start().ready;
  let intruder: string | null = null;
  const never = new AbortController();
  const urls = (): readonly string[] => {
    const up = servers.filter(({ answers }) => answers);
    const known = (up.length === 0 ? servers : up).map(({ url }) => url);
    return intruder === null ? known : [...known, intruder];
  };
  const api = openApi(urls, never.signal);
  const setUp = openApi(() => [first.url], never.signal);
  const staff = await hire(setUp, String(setupToken), receiver.url);
  await company.seed(SHARED_PEOPLE);
  for (const server of others) await server.start().ready;

  const closing = new AbortController();
  const ending = new AbortController();
  const ledger = openLedger(join(directory, 'ledger.jsonl'));
  const loadApi: Api = openApi(urls, closing.signal);
  const tally: Tally = {
    kills: 0,
    killsAtStart: 0,
    killsAtCall: 0,
    stops: 0,
    overtaken: 0,
    intruders: 0,
    letIn: 0,
    storeFaults: 0,
  };
  let lastIntruders = 0;
  const load = startLoad({
    api: loadApi,
    company,
    ledger,
    staff,
    draw: draw.branch(),
    budget: () => FIRST_LOAD + LOAD_PER_KILL * tally.kills + LOAD_PER_LAST_INTRUDER * lastIntruders,
    closing: closing.signal,
    ending: ending.signal,
  });
  const watch = watchdog(load, tally, stage.say);
  const havoc: HavocPorts = {
    servers,
    settings: stage.settings,
    receiver,
    draw: draw.branch(),
    kills: options.kills,
    closing: closing.signal,
    burst: (url, onVoting) => load.burst(url, onVoting),
    intrude: (url) => {
      intruder = url;
    },
  };
  const startedAt = performance.now();
  const overdue = setTimeout(() => {
    stage.say(`torture: ${options.minutes} minutes are over`);
    closing.abort();
  }, options.minutes * 60_000);
  const misbehaving = keepMisbehaving(company, draw.branch(), closing.signal);
  const tormenting = torment(havoc, tally, () => {
    lastIntruders += 1;
  });
  await Promise.race([tormenting, watch.failed, load.done(), misbehaving]);
  clearTimeout(overdue);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  closing.abort();
  receiver.behave();
  await Promise.race([Promise.all([tormenting, load.done(), misbehaving]), watch.failed]);
  await untilQuiet(load, watch.thrown);
  ending.abort();
  await load.ended();
  watch.stop();
  stage.say(
    `torture: quiet after ${tally.kills} kills in ${seconds} s: ${JSON.stringify(tally)}, ${ledger.size} acknowledged`,
  );
  ledger.close();
  await dumpJournal(api, staff, load, join(directory, 'journal.json'));
  for (const server of servers) await server.stop();
  writeFileSync(join(directory, 'company.json'), JSON.stringify(await company.dump()));
  await verifyJournal(programs, store, join(directory, 'audit.json'));
  await Promise.all([api.close(), setUp.close(), loadApi.close()]);
}

async function torment(havoc: HavocPorts, tally: Tally, onLastIntruder: () => void): Promise<void> {
  await wreak(havoc, tally);
  for (const server of havoc.servers) await server.untilReady();
  if (havoc.servers.length > 1) return;
  for (let count = 0; count < LAST_INTRUDERS && !havoc.closing.aborted; count += 1) {
    onLastIntruder();
    await pause(300);
    await intrude(havoc, tally);
  }
}

interface Watchdog {
  /** Rejects when nothing has moved for a minute. */
  readonly failed: Promise<never>;
  thrown(): Error | null;
  stop(): void;
}

function watchdog(load: Load, tally: Tally, say: Say): Watchdog {
  let pulse = '';
  let movedAt = performance.now();
  let saidAt = performance.now();
  let thrown: Error | null = null;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const timer = setInterval(() => {
    const now = performance.now();
    if (pulse !== load.pulse) {
      pulse = load.pulse;
      movedAt = now;
    }
    if (now - saidAt > REPORT_MS) {
      saidAt = now;
      say(`torture: ${tally.kills} kills, acknowledged/ended/votes ${load.pulse}, ${load.open} open`);
    }
    if (now - movedAt < WATCHDOG_MS) return;
    thrown = new Error(`nothing has moved for ${WATCHDOG_MS / 1_000} s: ${JSON.stringify(tally)}, ${load.pulse}`);
    fail(thrown);
  }, 1_000);
  return { failed, thrown: () => thrown, stop: () => clearInterval(timer) };
}

function check(directory: string, say: Say): number {
  const checker = fileURLToPath(new URL('check.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [checker, directory], { encoding: 'utf8' });
  if (stderr !== '') say(stderr.trimEnd());
  say(stdout.trimEnd());
  return status ?? 1;
}
