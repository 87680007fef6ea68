import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { postToSandbox } from './api-client.ts';
import { messageOf, FirebreakError } from '../platform/errors.ts';
import type { Io } from '../cli/io.ts';
import { askVerifier, replayExecution, verifyAudit } from './checks.ts';
import { createFollower, type Progress } from './follow.ts';
import { createLiveView, SILENT_VIEW, type LiveView } from './live-view.ts';
import { createProcesses, type Processes, type Service } from '../cli/processes.ts';
import { replayTraffic } from './replay-traffic.ts';
import { holds, resultOf, resultTable, type Result } from './report.ts';
import { LYING_KILL, missedAttack, SABOTAGES, tamperWithRecord, type Sabotage } from './sabotage.ts';
import type { Scenario } from './scenario.ts';
import { setUp, type Staff } from './staff.ts';
import { terminalOf, type Terminal } from './terminal.ts';
import { drawScenario } from './traffic.ts';

export interface DemoOptions {
  /** End when it is over; otherwise the server stays up until it is interrupted. */
  readonly once: boolean;
  /** One JSON line for each scenario and nothing else. */
  readonly json: boolean;
  /** Draws people, addresses, order and times: a whole number. */
  readonly seed: string;
  /** An empty or absent directory for the journal; absent: a temporary one that is removed at the end. */
  readonly data?: string | undefined;
  readonly sabotage?: string | undefined;
}

/** Business time at which the demo's day ends, 2026-11-02 16:00 UTC: fixed, so that a seed gives the same bytes. */
export const DEMO_START = Date.UTC(2026, 10, 2, 16);

/** What a shell gives a program that was interrupted. */
const INTERRUPTED = 130;

const SERVER_READY = z.looseObject({ event: z.literal('ready'), url: z.string(), setupToken: z.string().nullable() });
const SANDBOX_READY = z.looseObject({ url: z.string() });

interface Stage {
  readonly options: DemoOptions;
  readonly sabotage: Sabotage | null;
  readonly scenario: Scenario;
  readonly processes: Processes;
  readonly view: LiveView;
  /** Where the journal is, and a directory for labels and lists. */
  readonly dataDir: string;
  readonly workDir: string;
}

interface Running {
  readonly sandbox: { readonly url: string; readonly token: string };
  readonly server: Service;
  readonly url: string;
  readonly staff: Staff;
}

/**
 * Runs the main job in front of people: four attacks in ordinary traffic, contained, verified by somebody else, and
 * every decision checked again. Exit code 0 when everything held, 1 when anything did not (also when it could not be
 * shown), 130 when interrupted. Ends every process that it started, whatever happens.
 */
export async function demoCommand(options: DemoOptions, io: Io): Promise<number> {
  const seed = seedOf(options.seed);
  const sabotage = sabotageOf(options.sabotage);
  const terminal = terminalOf(io, process.stdout.columns);
  // Listened to before anything is made that would be left behind.
  let isInterrupted = false;
  const interrupted = io.stopRequested().then((): number => {
    isInterrupted = true;
    return INTERRUPTED;
  });
  const workDir = await mkdtemp(join(tmpdir(), 'firebreak-demo-'));
  const processes = createProcesses();
  const view = options.json ? SILENT_VIEW : createLiveView(terminal);
  const dataDir = options.data ?? join(workDir, 'data');
  const stage: Stage = {
    options,
    sabotage,
    scenario: drawScenario(seed, DEMO_START),
    processes,
    view,
    workDir,
    dataDir,
  };
  try {
    const code = await Promise.race([present(stage, terminal), interrupted]);
    // What was shown counts, also when the server that stayed up is then interrupted.
    if (staysUp(stage)) await interrupted;
    return code;
  } catch (thrown) {
    if (isInterrupted) return INTERRUPTED;
    const reasons = [messageOf(thrown), ...processes.obituaries()];
    terminal.complain(`The demo could not be shown: ${reasons.join('\n')}\n`);
    return 1;
  } finally {
    await processes.stopAll();
    await rm(workDir, { recursive: true, force: true });
  }
}

/** @throws FirebreakError `invalid_request` when it is no whole number of at most 32 bits. */
function seedOf(text: string): number {
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (seed <= 0xffff_ffff) return seed;
  throw new FirebreakError('invalid_request', '--seed is a whole number from 0 to 4294967295');
}

function sabotageOf(name: string | undefined): Sabotage | null {
  if (name === undefined) return null;
  const known = SABOTAGES.find((each) => each === name);
  if (known !== undefined) return known;
  throw new FirebreakError('invalid_request', `--sabotage is one of ${SABOTAGES.join(', ')}`);
}

/** A journal that was tampered with is nothing to go on with. */
function staysUp({ options, sabotage }: Stage): boolean {
  return !options.once && sabotage !== 'tampered-record';
}

/** The whole show; its exit code. */
async function present(stage: Stage, terminal: Terminal): Promise<number> {
  const { options, view } = stage;
  const running = await start(stage);
  const progress = await play(stage, running);
  const results = await examine(stage, running, progress);
  const code = results.every(holds) ? 0 : 1;
  if (options.json) terminal.write(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  else terminal.write(`\n${resultTable(results, progress)}\n`);
  if (staysUp(stage)) view.say(stayingUp(running, stage.dataDir));
  return code;
}

/** The company, the server, the people, the playbooks. */
async function start({ sabotage, scenario, processes, view, dataDir, workDir }: Stage): Promise<Running> {
  const token = randomBytes(24).toString('hex');
  const env = { SANDBOX_TOKEN: token, SANDBOX_EMPTY: '1', SANDBOX_NOW: String(DEMO_START) };
  const company = await processes.start({ module: 'sandbox-company/process', args: [], env });
  const { url: sandboxUrl } = SANDBOX_READY.parse(company.ready);
  await postToSandbox(sandboxUrl, token, '/seed', { users: scenario.users });
  if (sabotage === 'lying-kill') await postToSandbox(sandboxUrl, token, '/faults', LYING_KILL);
  const egressFile = join(workDir, 'egress.json');
  await writeFile(egressFile, JSON.stringify(scenario.egress, null, 2));
  await writeFile(labelsFile(workDir), JSON.stringify(scenario.labels, null, 2));
  const times = ['--clock', 'accelerated', '--start-at', new Date(DEMO_START).toISOString()];
  const server = await processes.start({
    module: 'main',
    args: ['serve', '--data', dataDir, '--port', '0', '--sandbox', sandboxUrl, ...times],
    env: { SANDBOX_TOKEN: token, EGRESS_LIST: egressFile, LOG_LEVEL: 'error' },
  });
  const { url, setupToken } = SERVER_READY.parse(server.ready);
  if (setupToken === null) throw new Error('the data directory is in use already: the demo needs an empty one');
  view.say(`Sandbox company: ${scenario.users.length} people at ${sandboxUrl}. Firebreak: ${url} (accelerated clock).`);
  const staff = await setUp(url, setupToken, scenario.files);
  const approvers = staff.approvers.map(({ name, role }) => `${name} (${role})`).join(' and ');
  view.say(`Four playbooks and one policy are installed. ${approvers} answer for the security team.`);
  return { sandbox: { url: sandboxUrl, token }, server, url, staff };
}

function labelsFile(workDir: string): string {
  return join(workDir, 'labels.json');
}

/** Sends the traffic and watches until everything is over. */
async function play({ sabotage, scenario, view }: Stage, { staff }: Running): Promise<readonly Progress[]> {
  const follower = createFollower(staff, scenario.labels);
  const total = scenario.files.reduce((sum, { lines }) => sum + lines.length, 0);
  const formats = scenario.files.map(({ format }) => format).join(', ');
  view.say(
    `Replaying ${total} events (${formats}): ${total - attackLines(scenario)} harmless, ${scenario.harmlessToday} of them today, ` +
      `among them ${scenario.labels.nearMisses.length} near misses; and four attacks.`,
  );
  const withhold = sabotage === 'missed-event' ? missedAttack(scenario) : null;
  const replayed = replayTraffic(scenario, staff.sources, withhold, (slice) => {
    for (const id of slice.attacks) follower.attackSent(id);
  }).then(({ accepted }) => view.say(`${accepted} events were accepted and judged.`));
  return follower.run(replayed, (progress) => view.show(progress));
}

function attackLines({ files }: Scenario): number {
  return files.reduce((sum, { lines }) => sum + lines.filter(({ attack }) => attack !== null).length, 0);
}

/** Asks the witness, the audit and the replay. The server is stopped first when it is not needed any more. */
async function examine(stage: Stage, running: Running, progress: readonly Progress[]): Promise<readonly Result[]> {
  const { sabotage, processes, view, dataDir, workDir } = stage;
  view.say('Asking the independent verifier, the audit log and the replay …');
  const verdict = await askVerifier(processes, running.sandbox, labelsFile(workDir));
  if (!staysUp(stage)) await running.server.stop();
  if (sabotage === 'tampered-record') view.say(`Tampered with ${tamperWithRecord(dataDir)}.`);
  const audit = await verifyAudit(processes, dataDir);
  if (!audit.holds) view.say(`Audit: ${firstLines(audit.said)}`);
  for (const { label } of progress) {
    const seen = verdict.scenarios[label.id];
    if (seen?.verifiedAtTarget !== true) view.say(`Verifier: ${label.id}: ${seen?.why ?? 'not looked at'}`);
  }
  for (const detail of verdict.details) view.say(`False alarm: ${detail}`);
  const results: Result[] = [];
  for (const each of progress) {
    const replay = await replayExecution(processes, dataDir, each.executionId);
    if (!replay.holds) view.say(`Replay of ${each.label.id}: ${firstLines(replay.said)}`);
    results.push(resultOf(each, verdict, audit, replay));
  }
  return results;
}

function firstLines(text: string): string {
  return text.split('\n', 5).join('\n').slice(0, 600);
}

function stayingUp({ url, staff }: Running, dataDir: string): string {
  return [
    '',
    `The server stays up at ${url} (API description: ${url}/docs). Journal: ${dataDir}`,
    `Key of the administrator: ${staff.adminKey}`,
    'Look next at what was done and why:',
    `  curl -H "Authorization: Bearer ${staff.adminKey}" ${url}/api/incident-playbooks/executions`,
    `  curl -H "Authorization: Bearer ${staff.adminKey}" ${url}/api/incident-playbooks/audits`,
    `  curl -H "Authorization: Bearer ${staff.adminKey}" ${url}/api/incidents`,
    'Ctrl-C ends it and everything it started.',
  ].join('\n');
}
