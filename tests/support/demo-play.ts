import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLeftJournal } from './personal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { postToSandbox, type Client } from '../../src/demo/api-client.ts';
import { DEMO_START } from '../../src/demo/demo.ts';
import { createFollower } from '../../src/demo/follow.ts';
import { replayTraffic } from '../../src/demo/replay-traffic.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import { setUp, type Staff } from '../../src/demo/staff.ts';
import { drawScenario } from '../../src/demo/traffic.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { kill, openDoor, start, stop, type Door, type Doorkeeper, type Program } from './killable.ts';
import { executionsOf } from './records.ts';
import { until } from './server.ts';

/**
 * The demo as `src/demo/demo.ts` plays it, with a server that is killed at chosen moments and started again on the
 * same data. Only tests import this file.
 */

const TOKEN = 'a token for tests only';

/** A moment at which the server is killed. Each strikes once; they wait for their calls at the same time. */
export interface Moment {
  readonly name: string;
  /** Which calls are watched: the server's at the sandbox company, or the clients' at the server. */
  readonly at: 'company' | 'server';
  /** Matched with the method and the path. */
  readonly call: RegExp;
  /** Which of the matching calls; the first when absent. */
  readonly nth?: number;
  /**
   * `request`: the call still arrives, although who made it is dead. `lost`: it was decided on and never sent.
   * `reply`: it was carried out, and the one who asked never hears.
   */
  readonly when: 'request' | 'lost' | 'reply';
  /** Only while the events of this attack are being sent. */
  readonly during?: string;
  /** Only when so many kills were before it: with 1, what a process does to recover is watched. */
  readonly afterKills?: number;
}

/** A kill that happened, with what the journal on disk said before anything was started again. */
export interface Kill {
  readonly moment: string;
  readonly call: string;
  /** Executions that were begun and not over. */
  readonly unfinished: readonly ExecutionState[];
}

export interface Play {
  readonly scenario: Scenario;
  readonly dataDir: string;
  readonly labelsFile: string;
  readonly sandbox: { readonly url: string; readonly token: string };
  readonly kills: readonly Kill[];
  /** Executions of the four attacks, in the order of the labels; null: there is none. */
  readonly responses: readonly (string | null)[];
  /** Ends the company and removes the files. */
  end(): Promise<void>;
}

/** Opens the journal of a server that does not run. */
export function openJournal(dataDir: string): Promise<Journal> {
  const birth = { id: 'jrn_never', at: DEMO_START, accelerated: true };
  return openLeftJournal({ file: join(dataDir, 'journal.sqlite'), birth });
}

/**
 * Plays one seed to the end and stops the server; the sandbox company stays for questions. Ends everything when it
 * fails. @throws Error when the demo does not come to an end, or the server cannot be started again.
 */
export async function playDemo(seed: number, moments: readonly Moment[]): Promise<Play> {
  const scenario = drawScenario(seed, DEMO_START);
  const workDir = mkdtempSync(join(tmpdir(), 'firebreak-demo-sigkill-'));
  const dataDir = join(workDir, 'data');
  const labelsFile = join(workDir, 'labels.json');
  const egressFile = join(workDir, 'egress.json');
  writeFileSync(labelsFile, JSON.stringify(scenario.labels));
  writeFileSync(egressFile, JSON.stringify(scenario.egress));
  const company = await start('sandbox-company/process', [], {
    SANDBOX_TOKEN: TOKEN,
    SANDBOX_EMPTY: '1',
    SANDBOX_NOW: String(DEMO_START),
  });
  const sandbox = { url: String(company.ready['url']), token: TOKEN };
  const victim = createVictim(moments, dataDir, (companyUrl, born) => {
    const times = ['--clock', 'accelerated', '--start-at', new Date(DEMO_START).toISOString()];
    const args = ['serve', '--data', dataDir, '--port', '0', '--sandbox', companyUrl, ...times];
    return start('main', args, { SANDBOX_TOKEN: TOKEN, EGRESS_LIST: egressFile, LOG_LEVEL: 'error' }, born);
  });
  const end = async (): Promise<void> => {
    await victim.end();
    await kill(company);
    rmSync(workDir, { recursive: true, force: true });
  };
  try {
    await postToSandbox(sandbox.url, TOKEN, '/seed', { users: scenario.users });
    const { url, setupToken } = await victim.begin(sandbox.url);
    const staff = patientStaff(await setUp(url, setupToken, scenario.files), victim);
    const follower = createFollower(staff, scenario.labels);
    const replayed = replayTraffic(scenario, staff.sources, null, ({ attacks }) => {
      victim.attacksNow(attacks);
      for (const id of attacks) follower.attackSent(id);
    });
    const progress = await follower.run(
      replayed.then(() => undefined),
      () => undefined,
    );
    const kills = await victim.retire();
    const responses = progress.map(({ executionId }) => executionId);
    return { scenario, dataDir, labelsFile, sandbox, kills, responses, end };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** The server, its two doors, and the one who kills it. */
interface Victim {
  begin(companyUrl: string): Promise<{ readonly url: string; readonly setupToken: string }>;
  /** Attacks whose events are being sent from now on. */
  attacksNow(ids: readonly string[]): void;
  /** False from the moment of a kill until the next process is ready. @throws what kept it from being started. */
  isUp(): boolean;
  /** Stops the server politely; what happened to it. */
  retire(): Promise<readonly Kill[]>;
  end(): Promise<void>;
}

type Serve = (companyUrl: string, born: (child: ChildProcess) => void) => Promise<Program>;

function createVictim(moments: readonly Moment[], dataDir: string, serve: Serve): Victim {
  const waiting = new Map(moments.map((moment) => [moment, moment.nth ?? 1]));
  const kills: Kill[] = [];
  const doors: Door[] = [];
  let server: Program | null = null;
  /** The process that can be killed now, which may not be ready yet: it recovers before it is. */
  let alive: ChildProcess | null = null;
  let struck: { readonly child: ChildProcess; readonly moment: string; readonly call: string } | null = null;
  let attacks: readonly string[] = [];
  let revival: Promise<void> | null = null;
  let failure: Error | null = null;
  let serveAgain = (): Promise<Program> => Promise.reject(new Error('it has not begun'));

  async function revive(): Promise<void> {
    while (struck !== null) {
      const { child, moment, call } = struck;
      struck = null;
      await kill({ child });
      const journal = await openJournal(dataDir);
      const unfinished = [...(await executionsOf(journal)).values()].filter(({ ended }) => ended === null);
      await journal.close();
      kills.push({ moment, call, unfinished });
      server = await serveAgain().catch((thrown: unknown) => {
        if (struck === null) throw thrown;
        return server; // killed again before it was ready
      });
    }
  }

  const keeperOf =
    (at: Moment['at']): Doorkeeper =>
    (call, side) => {
      // What a dead process had sent before is carried out; nothing more can be done to that process.
      if (alive === null) return 'on';
      const moment = momentOf(waiting, { at, call, side, attacks, kills: kills.length });
      if (moment === null) return 'on';
      alive.kill('SIGKILL');
      struck = { child: alive, moment: moment.name, call };
      alive = null;
      revival ??= revive().then(
        () => void (revival = null),
        (thrown: unknown) => void (failure = thrown instanceof Error ? thrown : new Error(String(thrown))),
      );
      return moment.when === 'request' ? 'on' : 'lost';
    };

  return {
    async begin(companyUrl) {
      const toCompany = await openDoor(() => companyUrl, keeperOf('company'));
      doors.push(toCompany);
      serveAgain = () => serve(toCompany.url, (child) => void (alive = child));
      const first = await serveAgain();
      server = first;
      const toServer = await openDoor(() => String(server?.ready['url']), keeperOf('server'));
      doors.push(toServer);
      return { url: toServer.url, setupToken: String(first.ready['setupToken']) };
    },
    attacksNow: (ids) => void (attacks = ids),
    isUp() {
      if (failure !== null) throw failure;
      return revival === null;
    },
    async retire() {
      await revival;
      if (failure !== null) throw failure;
      if (server !== null) await stop(server);
      return kills;
    },
    async end() {
      await revival;
      if (alive !== null) await kill({ child: alive });
      for (const door of doors) await door.close();
    },
  };
}

/** A call at a door, and what had happened until then. */
interface Passing {
  readonly at: Moment['at'];
  readonly call: string;
  readonly side: 'request' | 'reply';
  readonly attacks: readonly string[];
  readonly kills: number;
}

/** The moment that has come with this call, which is then over; null when none has. */
function momentOf(waiting: Map<Moment, number>, { at, call, side, attacks, kills }: Passing): Moment | null {
  for (const [moment, left] of waiting) {
    const { during, afterKills = 0 } = moment;
    if (moment.at !== at || (moment.when === 'reply') !== (side === 'reply') || !moment.call.test(call)) continue;
    if (kills < afterKills || (during !== undefined && !attacks.includes(during))) continue;
    if (left > 1) {
      waiting.set(moment, left - 1);
      continue;
    }
    waiting.delete(moment);
    return moment;
  }
  return null;
}

/** People and sources that send a request again when the connection broke, as soon as somebody answers again. */
function patientStaff(staff: Staff, victim: Victim): Staff {
  const patiently = <T>(what: string, ask: () => Promise<T>): Promise<T> =>
    until(what, async () => {
      if (!victim.isUp()) return null;
      return ask().then(
        (answer) => ({ answer }),
        (thrown: unknown) => {
          // `fetch` says TypeError when there was no reply; what was answered is for the demo to judge.
          if (thrown instanceof TypeError) return null;
          throw thrown;
        },
      );
    }).then(({ answer }) => answer);
  const patient = (client: Client): Client => ({
    get: (path, shape) => patiently(`GET ${path}`, () => client.get(path, shape)),
    post: (path, body, shape) => patiently(`POST ${path}`, () => client.post(path, body, shape)),
    postLines: (path, lines, shape) => patiently(`POST ${path}`, () => client.postLines(path, lines, shape)),
  });
  return {
    ...staff,
    admin: patient(staff.admin),
    approvers: staff.approvers.map((voter) => ({ ...voter, client: patient(voter.client) })),
    analyst: { ...staff.analyst, client: patient(staff.analyst.client) },
    sources: new Map([...staff.sources].map(([source, client]) => [source, patient(client)])),
  };
}
