import type { NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { Pausers } from '../workload/pausers.ts';
import type { People } from '../workload/people.ts';
import type { Engine } from './engine.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { StoreWeather } from './store-link.ts';
import type { Targets, TargetWeather } from './targets.ts';
import type { Trace } from './trace.ts';

export interface ChaosPorts {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly random: Random;
  readonly engines: readonly Engine[];
  /** Starts a process in a slot. */
  bear(slot: number, performs: boolean): void;
  readonly people: People;
  readonly targets: Targets;
  readonly storeWeather: StoreWeather;
  readonly targetWeather: { -readonly [Fault in keyof TargetWeather]: number };
  /** Answers that the engine has handed to itself so far. */
  readonly answers: readonly { readonly executionId: string; readonly input: NewInput }[];
  /** Timers that were applied so far. */
  readonly timers: readonly { readonly executionId: string; readonly input: NewInput }[];
  quiet(): boolean;
  forward(ms: number): void;
  wall(): number;
  nextDue(): number | null;
  readonly shared: boolean;
  readonly accelerated: boolean;
  /** Undos may land when their callers have given up. */
  readonly lateUndos: boolean;
  /** Who pauses everything, where somebody does. */
  readonly pausers: Pausers | null;
  /** Changing requests wait for a connection. */
  readonly queues: boolean;
}

/** What goes wrong, and what people do meanwhile; afterwards only what lets a world come to rest. */
export interface Chaos {
  readonly stepsTaken: number;
  /** True when nothing of it is left: everybody lives, the store works. */
  readonly calm: boolean;
  readonly faults: ReadonlyMap<string, number>;
  begin(): void;
  end(): void;
}

export function createChaos(ports: ChaosPorts): Chaos {
  const { scheduler, random, engines, people, storeWeather, targetWeather, targets } = ports;
  const faults = new Map<string, number>();
  let over = false;
  let steps = 0;

  const count = (name: string): void => void faults.set(name, (faults.get(name) ?? 0) + 1);

  /** Repeats `act` at drawn intervals until chaos is over. */
  function now_and_then(label: string, leastMs: number, mostMs: number, act: () => void): void {
    scheduler.after(random.between(leastMs, mostMs) * 1_000, label, () => {
      if (over) return;
      steps += 1;
      act();
      now_and_then(label, leastMs, mostMs, act);
    });
  }

  const anyone = (): Engine | null => {
    const ready = engines.filter((engine) => engine.ready && !engine.host.paused);
    return ready.length === 0 ? null : random.pick(ready);
  };
  const withAnyone = (act: (engine: Engine) => void): void => {
    const engine = anyone();
    if (engine !== null) act(engine);
  };

  function crash(slot: number): void {
    const engine = engines[slot];
    if (engine === undefined || !engine.host.alive) return;
    count('crash');
    ports.trace.add(`kill ${engine.host.name}`);
    engine.host.kill();
    scheduler.after(random.between(1, 5_000) * 1_000, `restart ${slot}`, () => ports.bear(slot, engine.performs));
  }

  function pause(slot: number): void {
    const engine = engines[slot];
    if (engine === undefined || !engine.host.alive || engine.host.paused) return;
    count('pause');
    engine.host.pause();
    scheduler.after(random.between(50, 9_000) * 1_000, `resume ${engine.host.name}`, () => engine.host.resume());
  }

  function storeFault(): void {
    if (storeWeather.state !== 'fine') return;
    count('store');
    storeWeather.state = random.pick(['full', 'gone']);
    scheduler.after(random.between(20, 4_000) * 1_000, 'the store is back', () => {
      storeWeather.state = 'fine';
    });
  }

  /** A timer that was applied is found once more by somebody who read the queue before. */
  function repeatTimer(): void {
    const { executionId, input } = random.pick(ports.timers);
    count('repeated timer');
    withAnyone(({ runner }) => void runner.submit(executionId, input).catch(() => undefined));
  }

  function repeatAnswer(): void {
    if (ports.timers.length > 0 && random.chance(400)) return repeatTimer();
    if (ports.answers.length === 0) return;
    const { executionId, input } = random.pick(ports.answers);
    if (input.type === 'child' || input.type === 'spawned' || input.type === 'compensate') return;
    count('repeated answer');
    withAnyone(({ runner }) => void runner.submit(executionId, input).catch(() => undefined));
  }

  function strange(): void {
    const cells = [...targets.cells.cells.keys()];
    if (cells.length === 0) return;
    count('stranger');
    targets.cells.strange(random.pick(cells), random.pick(['open', 'changed', 'contained']));
  }

  const mishaps: readonly (readonly [string, () => void])[] = [
    ['crash', () => crash(random.below(engines.length))],
    ['pause', () => pause(random.below(engines.length))],
    ['store', storeFault],
    ['repeat', repeatAnswer],
    ['stranger', strange],
  ];

  /** People pause everything and resume it, at any process; in the end they resume. */
  function sayPauses(pausers: Pausers, drawn: Random): void {
    scheduler.after(drawn.between(50, 1_500) * 1_000, 'a word about the pause', () => {
      const ready = engines.filter((engine) => engine.ready && !engine.host.paused);
      if (ready.length > 0 && (!over || pausers.isPaused)) {
        if (!over && (!pausers.isPaused || drawn.chance(150))) {
          count('everything paused');
          pausers.pause(drawn.pick(ready));
        } else pausers.resume(drawn.pick(ready));
      }
      sayPauses(pausers, drawn);
    });
  }

  /** Lets business time jump to what is due next, when nothing is under way that lives on machine time. */
  function passTime(everyMs: number): void {
    scheduler.after(everyMs * 1_000, 'time passes', () => {
      const due = ports.nextDue();
      if (!ports.accelerated && due !== null && due > ports.wall() && ports.quiet() && (over || random.chance(500))) {
        if (!over && random.chance(100)) {
          count('clock jump');
          ports.forward(random.between(1, 40_000));
        } else ports.forward(due - ports.wall());
      }
      passTime(everyMs);
    });
  }

  return {
    get stepsTaken() {
      return steps;
    },
    get calm() {
      const resumed = ports.pausers?.isPaused !== true;
      return resumed && storeWeather.state === 'fine' && engines.every(({ host }) => host.alive && !host.paused);
    },
    faults,
    begin() {
      const wild = random.below(100);
      // Some worlds are calm in one respect, so that what only happens there is seen as well.
      const some = (perMille: number): number => (random.chance(600) ? random.below(perMille) : 0);
      Object.assign(storeWeather, { unknownPerMille: some(60), slowPerMille: some(80) });
      Object.assign(targetWeather, {
        lost: some(120),
        late: some(150),
        lateUndo: ports.lateUndos ? some(400) : 0,
        busy: some(200),
        refused: some(40),
        twice: some(100),
        queued: ports.queues ? random.fork('queues').below(400) : 0,
        blurred: some(300),
      });
      const kinds = mishaps.filter(() => random.chance(450));
      const executions = random.between(1, 4);
      for (let index = 0; index < executions; index += 1) {
        scheduler.after(random.between(0, 1_500) * 1_000, 'start', function begin(): void {
          const engine = anyone();
          if (engine === null) scheduler.after(100_000, 'start', begin);
          else people.start(engine);
        });
      }
      now_and_then('vote', 20, 600, () => withAnyone((engine) => people.vote(engine)));
      if (random.chance(600)) now_and_then('meddle', 100, 2_500, () => withAnyone((engine) => people.meddle(engine)));
      if (kinds.length > 0) now_and_then('mishap', 50, wild < 30 ? 400 : 2_500, () => random.pick(kinds)[1]());
      if (ports.pausers !== null) sayPauses(ports.pausers, random.fork('pauses'));
      passTime(70);
    },
    end() {
      over = true;
      Object.assign(storeWeather, { unknownPerMille: 0, slowPerMille: 0 });
      Object.assign(targetWeather, {
        lost: 0,
        late: 0,
        lateUndo: 0,
        busy: 0,
        refused: 0,
        twice: 0,
        queued: 0,
        blurred: 0,
      });
    },
  };
}
