import type { JsonObject } from '../../src/pipeline/actions/contract.ts';
import type { NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { owed, take, takeOver, timers } from './engine.ts';
import { begun, runJob, type Resumed } from './job.ts';
import { ACTION, CALL_LIMIT_MS, nameOf, STRAGGLES_MS, type Setting } from './setting.ts';
import type { Job, LooseWrite, PortAnswer, World } from './state.ts';
import { applyWrite, verify, type WriteCall } from './target.ts';

/** Something that can happen, and what comes of it. */
export interface Step {
  readonly label: string;
  /** Whether the world can be counted on to do it: no fault, death or act of a person. */
  readonly calm: boolean;
  readonly to: World;
  /** A call that took effect by it. */
  readonly effect: { readonly execution: number; readonly call: WriteCall } | null;
  /** A call that was sent by it. */
  readonly sent: Job | null;
}

/** The rules by which one world goes on. */
export interface Rules {
  readonly plan: Plan;
  readonly setting: Setting;
}

/** Everything that can happen next. */
export async function stepsOf(rules: Rules, world: World): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const index of world.executions.keys()) steps.push(...(await beginnings(rules, world, index)));
  for (const job of world.jobs) steps.push(...(await stepsOfJob(rules, world, job)));
  steps.push(
    ...landings(rules, world),
    ...dueTimers(rules, world),
    ...acts(rules, world),
    ...deaths(rules, world),
    ...world.inherited.map((taken) =>
      step(
        `somebody takes over ${taken.name.split(':')[0]} of ${nameOf(taken.execution)}`,
        takeOver(rules.plan, world, taken),
      ),
    ),
    ...timePasses(rules, world),
  );
  return steps;
}

function step(label: string, to: World, more: Partial<Step> = {}): Step {
  return { label, calm: true, effect: null, sent: null, ...more, to };
}

/** An effect begins when its target's lock is free: who waits for the lock has done nothing yet. */
async function beginnings({ plan }: Rules, world: World, execution: number): Promise<Step[]> {
  // A process that was taken for dead has lost the lock with its session.
  if (world.jobs.some(({ lostAt }) => lostAt === null)) return [];
  const state = world.executions[execution];
  const steps: Step[] = [];
  for (const effect of state === undefined ? [] : owed(plan, state)) {
    const waits = world.inherited.some((taken) => taken.execution === execution && taken.name === effect.name);
    if (waits || state === undefined) continue;
    const job = await resumed(plan, begun(execution, state, effect, world.now));
    if (job === null) throw new Error('an effect ended before it began');
    const to = { ...world, jobs: [...world.jobs, job] };
    steps.push(step(`${nameOf(execution)} begins to ${effect.kind}`, to, { sent: job }));
  }
  return steps;
}

/** The job as far as it comes with its answers, or null when it ended without a word. */
async function resumed(plan: Plan, job: Resumed): Promise<Job | null> {
  const reached = await runJob(plan, job);
  if (reached === null) return null;
  const { asks, limitFrom, limitMs } = reached;
  return { ...job, asks, deadline: limitFrom + limitMs, arrived: null, silent: false };
}

async function stepsOfJob({ plan, setting }: Rules, world: World, job: Job): Promise<Step[]> {
  const { asks, execution } = job;
  const who = `${nameOf(execution)}${job.lostAt === null ? '' : ' (taken for dead)'}`;
  const others = world.jobs.filter((each) => each !== job);
  const became = (changed: Job | null): World => ({ ...world, jobs: changed === null ? others : [...others, changed] });
  const answered = async (label: string, answer: PortAnswer, from: World = world): Promise<Step> => {
    const next = await resumed(plan, { ...job, answers: [...job.answers, answer] });
    const jobs = next === null ? others : [...others, next];
    return step(label, { ...from, jobs }, next === null ? {} : { sent: next });
  };
  const fault = async (label: string, answer: PortAnswer, from: World = world): Promise<Step> => ({
    ...(await answered(label, answer, { ...from, spent: { ...from.spent, faults: from.spent.faults + 1 } })),
    calm: false,
  });
  const mayFail = world.spent.faults < setting.faults;
  const at = world.now;

  switch (asks.port) {
    case 'holds':
      return [await answered(`${who} reads who holds the target`, { says: 'holds', items: world.holds })];
    case 'record':
      return [
        step(`${who} records: ${told(asks.input)}`, take(plan, { ...world, jobs: others }, execution, asks.input)),
      ];
    case 'observe':
    case 'verify': {
      const verified = asks.port === 'verify' ? verify(world.cell, asks.effectKey, setting.marks) : null;
      const value: JsonObject = verified === null ? { value: world.cell.value } : { ...verified };
      const shown = verified?.says ?? world.cell.value;
      const steps = [await answered(`${who} looks at the target: ${shown}`, { says: 'value', value, at })];
      if (mayFail)
        steps.push(await fault(`${who} cannot read the target`, { says: 'error', code: 'connection_lost', at }));
      return steps;
    }
    case 'write': {
      const { call } = asks;
      if (job.silent)
        return at >= job.deadline ? [await answered(`${who} gives the ${call.kind} up`, { says: 'nothing', at })] : [];
      if (job.arrived !== null) {
        // Its reply is not lost: a call that lands when its caller gave up is the more general case.
        return [await answered(`the ${call.kind} of ${who} is answered`, { says: 'value', value: job.arrived, at })];
      }
      const { cell, answer, effect } = applyWrite(world.cell, call, setting);
      const to = { ...became({ ...job, arrived: answer }), cell };
      const steps = [step(`the ${call.kind} of ${who} arrives`, to, effect ? { effect: { execution, call } } : {})];
      if (!mayFail) return steps;
      const loose = { ...world, writes: [...world.writes, looseWrite(job, call, at)] };
      steps.push(...(await noAnswer(loose, `the ${call.kind} of ${who} is under way`)));
      steps.push(await fault(`the ${call.kind} of ${who} is refused`, { says: 'error', code: 'refused', at }));
      steps.push(
        await fault(`the target is too busy for the ${call.kind} of ${who}`, { says: 'error', code: 'busy', at }),
      );
      return steps;
    }
    default:
      return asks;
  }

  /** Nobody answers; the caller hears of it at once, or never. */
  async function noAnswer(from: World, label: string): Promise<readonly Step[]> {
    const spent = { ...from.spent, faults: from.spent.faults + 1 };
    const waits = { ...from, spent, jobs: [...others, { ...job, silent: true }] };
    const lost: PortAnswer = { says: 'error', code: 'connection_lost', at };
    return [
      step(`${label}, and nothing answers`, waits, { calm: false }),
      await fault(`${label}, and the connection breaks`, lost, from),
    ];
  }
}

function looseWrite({ execution }: Job, call: WriteCall, at: number): LooseWrite {
  return { execution, call, until: at + CALL_LIMIT_MS + STRAGGLES_MS };
}

function landings({ setting }: Rules, world: World): readonly Step[] {
  return world.writes.map((write) => {
    const { cell, effect } = applyWrite(world.cell, write.call, setting);
    const writes = world.writes.filter((each) => each !== write);
    const label = `${write.call.kind === 'undo' ? 'an' : 'a'} ${write.call.kind} of ${nameOf(write.execution)} lands late${effect ? '' : ' and changes nothing'}`;
    return step(label, { ...world, cell, writes }, effect ? { effect: write } : {});
  });
}

function dueTimers({ plan }: Rules, world: World): readonly Step[] {
  return timers(plan, world)
    .filter(({ due }) => due <= world.now)
    .map(({ execution, name, generation }) =>
      step(
        `the timer ${name} of ${nameOf(execution)} fires`,
        take(plan, world, execution, { type: 'timer', name, generation }),
      ),
    );
}

const PERSON = { type: 'person', id: 'somebody' } as const;

function acts({ plan, setting }: Rules, world: World): readonly Step[] {
  if (world.spent.acts >= setting.acts) return [];
  const spent = { ...world.spent, acts: world.spent.acts + 1 };
  const act = (execution: number, label: string, input: NewInput): Step =>
    step(`a person ${label} ${nameOf(execution)}`, take(plan, { ...world, spent }, execution, input), { calm: false });
  return world.executions.flatMap((state, execution) => {
    if (state.ended === null) {
      if (state.stopped !== null || state.compensation !== null) return [];
      return [act(execution, 'cancels', { type: 'cancel', by: PERSON, reason: 'over', compensate: true })];
    }
    const { status = null } = state.actions[ACTION] ?? {};
    const failed = status === 'FAILED' || status === 'UNKNOWN' || status === 'TIMED_OUT';
    const undo = act(execution, 'undoes', { type: 'compensate', by: PERSON, reason: 'over' });
    // Where nothing is to be undone, nothing happens.
    const undoes = undo.to.executions[execution]?.compensation === null ? [] : [undo];
    return failed ? [...undoes, act(execution, 'retries', { type: 'retry', by: PERSON })] : undoes;
  });
}

function isTravelling({ asks, arrived, silent }: Job): boolean {
  return asks.port === 'write' && arrived === null && !silent;
}

/** The process of an execution dies, or is only taken for dead. */
function deaths(rules: Rules, world: World): readonly Step[] {
  const { plan, setting } = rules;
  if (world.spent.deaths >= setting.deaths) return [];
  const spent = { ...world.spent, deaths: world.spent.deaths + 1 };
  return world.executions.flatMap((state, execution) => {
    const names = owed(plan, state).map(({ name }) => ({ execution, name }));
    if (names.length === 0) return [];
    const inherited = [...world.inherited.filter((each) => each.execution !== execution), ...names];
    const own = world.jobs.filter((job) => job.execution === execution && job.lostAt === null);
    const jobs = world.jobs.filter((job) => !own.includes(job));
    const gone = own.flatMap((job) => {
      if (job.asks.port !== 'write' || !isTravelling(job)) return [];
      return [looseWrite(job, job.asks.call, world.now)];
    });
    const died = { ...world, spent, inherited, jobs, writes: [...world.writes, ...gone] };
    const steps = [step(`the process of ${nameOf(execution)} dies`, died, { calm: false })];
    if (setting.zombies && own.length > 0) {
      const lost = own.map((job) => ({ ...job, lostAt: job.answers.length }));
      const slow = { ...world, spent, inherited, jobs: [...jobs, ...lost] };
      steps.push(step(`the process of ${nameOf(execution)} is taken for dead`, slow, { calm: false }));
    }
    return steps;
  });
}

/** Time passes to the next moment at which something is due; what may no longer land never does. */
function timePasses({ plan }: Rules, world: World): readonly Step[] {
  const calls = world.jobs.filter(({ asks }) => asks.port !== 'record');
  const moments = [
    ...timers(plan, world).map(({ due }) => due),
    ...world.writes.map(({ until }) => until + 1),
    ...calls.filter(({ silent }) => silent).map(({ deadline }) => deadline),
  ].filter((moment) => moment > world.now);
  if (moments.length === 0) return [];
  const now = Math.min(...moments);
  // A call under way is answered, or lost, before its time is over.
  if (calls.some(({ silent, deadline }) => (silent ? now > deadline : now >= deadline))) return [];
  const writes = world.writes.filter(({ until }) => until >= now);
  return [step(`${now - world.now} ms pass`, { ...world, now, writes })];
}

function told(input: NewInput): string {
  if (!('result' in input)) return input.type;
  const { result } = input;
  if ('error' in result) return `${input.type}, ${result.error.code}`;
  if ('heldBy' in result && result.heldBy !== null) return `${input.type}, held by ${result.heldBy}`;
  if ('says' in result) return `${input.type}, ${result.says}`;
  if ('result' in result) return `${input.type}, ${result.result}`;
  const read = input.type === 'performed' && input.read !== undefined ? input.read : null;
  if (read === null) return input.type;
  const says = 'error' in read ? read.error.code : 'heldBy' in read ? `held by ${read.heldBy}` : read.says;
  return `${input.type}, and reads ${says}`;
}
