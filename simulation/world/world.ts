import { steeredClock } from '../../src/platform/clock.ts';
import type { Input, NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { checkRecords, checkRest, type EndPorts } from '../oracle/end.ts';
import { createPauseRule } from '../oracle/pauses.ts';
import { createReader } from '../oracle/reader.ts';
import { createWireTap } from '../oracle/wire.ts';
import { createPeople, STAFF } from '../workload/people.ts';
import { createPausers } from '../workload/pausers.ts';
import { offeredActions } from '../workload/plans.ts';
import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import { MARKS, type Marks } from './cells.ts';
import { createApprover } from './approver.ts';
import { createChaos } from './chaos.ts';
import { eventByEvent } from './event-by-event.ts';
import { startEngine, type Engine, type Surroundings } from './engine.ts';
import { memberTable } from './members.ts';
import { nextDue } from './memory-journal.ts';
import { START } from './start.ts';
import { seededRandom } from './random.ts';
import { scheduler as createScheduler } from './scheduler.ts';
import { memoryStore } from './store.ts';
import type { StoreWeather } from './store-link.ts';
import { createTargets, type TargetWeather } from './targets.ts';
import { hashedTrace } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Events of the time in which things go wrong; the background loops do not count. */
  readonly steps: number;
  /** Undos may land when their callers have given up; in half of the worlds, unless it is said. */
  readonly lateUndos?: boolean;
  /** Changing requests wait in their process for a connection; in half of the worlds, unless it is said. */
  readonly queues?: boolean;
  /** People pause everything and resume it; in two of five worlds, unless it is said. */
  readonly pauses?: boolean;
  /** Action types have limits by the hour; in three of ten worlds, unless it is said. */
  readonly limits?: boolean;
  /** Gates ask services outside; in three of ten worlds, unless it is said. */
  readonly services?: boolean;
  /** Small things wait for the end of quiet hours, and people let them go; in three of ten worlds, unless it is said. */
  readonly quietHours?: boolean;
  /** False: nothing is judged, for a second run that only has to give the same trace as a first one that kept every promise. */
  readonly judged?: boolean;
  /** What targets remember; drawn from the seed unless it is said. */
  readonly marks?: Marks;
  readonly show?: (line: string) => void;
}

/** What became of one world. */
export interface WorldResult {
  readonly seed: number;
  readonly digest: string;
  readonly lines: number;
  readonly events: number;
  readonly executions: number;
  readonly records: number;
  readonly calls: number;
  readonly faults: ReadonlyMap<string, number>;
  /** Broken promises, each once; empty is what is wanted. */
  readonly broken: readonly string[];
}

/**
 * Events until rest at the latest: beyond it the world is called stuck. Where business time runs with the machine's it cannot be
 * moved to what is due next: an hour of a gate is 7,000 looks at the clock there, and a plan may have six in a row.
 */
const MAX_EVENTS_TO_REST = { moved: 20_000, accelerated: 60_000 };
/** For how long nothing may be left to do before a world is at rest, in µs: longer than any lease, any poll and any call. */
const REST_US = 10_000_000;
/** The same when nothing is owed any more: what is under way inside a process needs no longer. */
const DONE_US = 1_500_000;

/** Lives one world from its seed to its end. Never throws for what the engine does; `broken` says it. */
export async function runWorld({
  seed,
  steps,
  lateUndos = seededRandom(seed).fork('late undos').chance(500),
  queues = seededRandom(seed).fork('queues').chance(500),
  pauses = seededRandom(seed).fork('pauses').chance(400),
  limits = seededRandom(seed).fork('limits').chance(300),
  services = seededRandom(seed).fork('services').chance(300),
  quietHours = seededRandom(seed).fork('quiet hours').chance(300),
  judged = true,
  marks = seededRandom(seed).fork('marks').pick(MARKS),
  show,
}: WorldOptions): Promise<WorldResult> {
  const random = seededRandom(seed);
  const trace = hashedTrace(show ?? null);
  const scheduler = createScheduler(random.fork('order'), trace);
  const shape = random.fork('shape');
  const shared = shape.chance(650);
  const accelerated = !shared && shape.chance(300) ? steeredClock(START) : null;
  const store = memoryStore({ id: `jrn_${seed}`, at: START, accelerated: accelerated !== null });
  const storeWeather: StoreWeather = { state: 'fine', unknownPerMille: 0, slowPerMille: 0 };
  const calm: TargetWeather = { lost: 0, late: 0, lateUndo: 0, busy: 0, refused: 0, twice: 0, queued: 0, blurred: 0 };
  const targetWeather = { ...calm };
  let offset = 0;
  const wall = (): number => accelerated?.now() ?? START + Math.floor(scheduler.now / 1_000) + offset;
  const targets = createTargets({
    scheduler,
    trace,
    random: random.fork('targets'),
    weather: targetWeather,
    marks,
    wall,
  });
  const offered = offeredActions(shape);
  for (const declaration of offered) targets.offer(declaration);

  const broken: string[] = [];
  const say = (rule: string, what: string): void => {
    const line = `${rule}: ${what}`;
    if (broken.includes(line)) return;
    trace.add(`BROKEN ${line}`);
    broken.push(line);
  };
  const plans = new Map<string, Plan>();
  const planOf = (hash: string): Plan => {
    const known = plans.get(hash);
    if (known !== undefined) return known;
    const plan = JSON.parse(store.objects.get(hash) ?? 'null') as Plan; // written from a plan
    plans.set(hash, plan);
    return plan;
  };
  const approver = createApprover({ scheduler, trace, random: random.fork('approver') });
  const reader = createReader({ journalId: store.id, planOf, broken: say, meantBy: (key) => approver.meant(key) });
  const wire = createWireTap(reader, say);
  const pauseRule = createPauseRule({ store, now: () => scheduler.now, broken: say });
  const timers: { executionId: string; input: NewInput }[] = [];
  store.watch = (sealed) => {
    show?.(`  ${recordInWords(sealed)}`);
    if (judged) reader.read(sealed);
    pauseRule.read(sealed);
    const input = timerOf(sealed);
    if (input !== null) timers.push(input);
  };
  let calls = 0;
  targets.onSend = (call) => {
    calls += 1;
    if (judged) wire.sent(call);
    if (judged) pauseRule.sent(call);
  };
  if (judged) {
    targets.onTravel = (call, change) => wire.travels(call, change);
    targets.onAnswer = (call, definite) => wire.answered(call, definite);
    targets.cells.onEffect = (effect, call) => wire.happened(effect, call);
  }

  const answers: { executionId: string; input: NewInput }[] = [];
  const surroundings: Surroundings = {
    scheduler,
    trace,
    random,
    store,
    targets,
    approver,
    storeWeather,
    shared,
    accelerated,
    table: memberTable(scheduler, store),
    wall,
    maxConcurrent: shape.chance(200) ? 2 : 128,
    pauses,
    onBug: (thrown) => say('bugs', thrown instanceof Error ? thrown.message : String(thrown)),
    onTold: () => undefined,
    // In the other worlds nobody could ever answer, and every request is escalated at once.
    staff: seededRandom(seed).fork('staff').chance(500) ? STAFF : [],
    onAnswer: (executionId, input) => {
      if (answers.length < 200) answers.push({ executionId, input });
    },
  };
  const engines: Engine[] = [];
  let born = 0;
  const bear = (slot: number, performs: boolean): void => {
    born += 1;
    const skewMs = shared ? shape.below(60) : 0;
    engines[slot] = startEngine(surroundings, `p${slot + 1}.${born}`, performs, skewMs);
  };
  const count = shared ? shape.pick([1, 2, 2, 3]) : 1;
  for (let slot = 0; slot < count; slot += 1) bear(slot, slot === 0 || shape.chance(700));

  const people = createPeople(random.fork('people'), store, offered, surroundings.onBug, {
    limits: limits ? random.fork('limits') : null,
    services: services ? random.fork('services') : null,
    quiet: quietHours ? random.fork('quiet hours') : null,
  });
  const pausers = createPausers({ random: random.fork('pausers'), store, now: wall, onBug: surroundings.onBug });
  pausers.onPaused = (host) => pauseRule.answered(host);
  const forward = (ms: number): void => {
    offset += ms;
    trace.add(`time moves by ${ms}`);
  };
  /** Nothing is under way anywhere, so that business time may move without a call in flight noticing. */
  const quiet = (): boolean =>
    targets.underWay + approver.underWay === 0 &&
    engines.every(({ host, runner }) => !host.alive || (!host.paused && runner.idle));
  const unrest = (): string => {
    const processes = engines.map(({ host, runner, ready }) => {
      const words = [host.alive ? '' : 'dead', host.paused ? 'paused' : '', ready ? '' : 'not ready'];
      return `${host.name} ${[...words, runner.idle ? 'idle' : 'busy'].filter((word) => word !== '').join(' ')}`;
    });
    const due = nextDue(store);
    return `${processes.join(', ')}; due ${due === null ? 'never' : due - surroundings.wall()}; ${targets.underWay} calls`;
  };
  const chaos = createChaos({
    scheduler,
    trace,
    engines,
    bear,
    people,
    targets,
    storeWeather,
    targetWeather,
    answers,
    timers,
    random: random.fork('chaos'),
    quiet,
    forward,
    shared,
    lateUndos,
    queues,
    pausers: pauses ? pausers : null,
    accelerated: accelerated !== null,
    wall,
    nextDue: () => nextDue(store),
  });

  chaos.begin();
  let events = 0;
  await eventByEvent(() => {
    if (chaos.stepsTaken >= steps || !scheduler.step()) return false;
    events += 1;
    return true;
  });
  const end: EndPorts = { store, reader, cells: targets.cells, planOf, broken: say };
  chaos.end();
  const most = MAX_EVENTS_TO_REST[accelerated === null ? 'moved' : 'accelerated'];
  const bound = events + most;
  let busyAt = scheduler.now;
  let seen = '';
  /** Looked at when everything that the event before has woken has run. */
  const isAtRest = (): boolean => {
    const due = nextDue(store);
    const now = `${store.log.length} ${calls} ${targets.underWay} ${due}`;
    if (now !== seen || due !== null || targets.underWay + approver.underWay > 0 || !chaos.calm) busyAt = scheduler.now;
    seen = now;
    const wait = store.effects.size === 0 && engines.every(({ ready }) => ready) ? DONE_US : REST_US;
    return scheduler.now - busyAt > wait;
  };
  await eventByEvent(() => {
    if (isAtRest() || events >= bound || broken.length > 0 || !scheduler.step()) return false;
    events += 1;
    return true;
  });
  if (events >= bound) say('stuck', `no rest after ${most} events: ${unrest()}`);
  if (judged) checkRecords(end);
  if (judged && broken.length === 0) checkRest(end);
  for (const { executionId, marker, acknowledged } of people.handedIn) {
    const records = store.streams.get(`execution/${executionId}`) ?? [];
    const times = records.filter(({ bytes }) => bytes.includes(`${marker}"`) || bytes.includes(`${marker},`)).length;
    if (acknowledged && times === 0) say('lost', `${marker} for ${executionId} was acknowledged and is not recorded`);
    if (times > 1 && marker.startsWith('vote')) say('lost', `${marker} for ${executionId} is recorded ${times} times`);
  }
  for (const { host } of engines) host.kill();
  return {
    seed,
    events,
    calls,
    broken,
    faults: chaos.faults,
    executions: [...store.streams.keys()].filter((stream) => stream.startsWith('execution/')).length,
    records: store.log.length,
    lines: trace.lines,
    digest: trace.digest(),
  };
}

/** A record for a person who follows a seed: stream, input and facts without what only a machine reads. */
function recordInWords({ record }: SealedRecord): string {
  const { input, facts = [] } = record.data as unknown as { input?: object; facts?: readonly object[] }; // the engine's
  const words = (value: object): string =>
    Object.entries(value)
      .filter(([name]) => !['approval', 'intentHash', 'key', 'snapshot', 'parameters', 'voter'].includes(name))
      .map(([name, member]) => (name === 'type' ? String(member) : `${name}=${JSON.stringify(member)}`))
      .join(' ')
      .slice(0, 200);
  return `${record.stream} ${record.seq} [${input === undefined ? record.type : words(input)}] ${facts.map(words).join(' | ')}`;
}

function timerOf({ record }: SealedRecord): { executionId: string; input: NewInput } | null {
  const { input } = record.data as unknown as { input?: Input }; // the engine's
  if (input?.type !== 'timer') return null;
  const { type, name, generation } = input;
  return { executionId: record.stream.slice('execution/'.length), input: { type, name, generation } };
}
