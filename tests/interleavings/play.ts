import type { Client } from 'pg';
import { messageOf } from '../../src/platform/errors.ts';
import type { Choose, Option } from './schedules.ts';
import { watchSessions, type Sessions } from './sessions.ts';
import { endedBy, processIdOf, type AskedStatement } from './statement-tap.ts';
import type { World } from './world.ts';

/** Steps of one schedule at most; more means that threads only make each other repeat their work. */
const MAX_STEPS = 300;

/** A program of one thread; a thread is a letter. */
export type Programs = Readonly<Record<string, () => Promise<unknown>>>;

/** What may be done to a connection while a thread's COMMIT is on its way. */
export type Fault = 'commit-lost';

/**
 * What becomes of a COMMIT whose answer never comes, as it stands behind the thread's letter in a schedule: `-` it never
 * reached the server, `+` the server did it, `~` it is still on its way and reaches the server at a later step (`~`).
 */
const LOSSES = ['-', '+', '~'] as const;
type Loss = (typeof LOSSES)[number];

export interface PlayOptions {
  /** Threads whose COMMITs may be lost; one in a schedule. */
  readonly losesCommits?: readonly string[];
  /** Whether what a thread wants to do after a while may happen at any time: `A` is the patience of `a`. */
  readonly firesTimers?: boolean;
}

export type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

export interface Played {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** One line for each step. */
  readonly trace: readonly string[];
  readonly steps: number;
}

/** Something went wrong in the middle of a schedule. */
export class PlayError extends Error {
  readonly trace: readonly string[];
  constructor(message: string, trace: readonly string[], cause?: unknown) {
    super(message, { cause });
    this.name = 'PlayError';
    this.trace = trace;
  }
}

/** A step that a thread is ready to take. */
interface Ready {
  readonly thread: string;
  readonly kind: 'statement' | 'pause' | 'late-words';
  readonly statement: AskedStatement | null;
  take(loss: Loss | null): void;
}

interface Timer {
  readonly thread: string;
  readonly ms: number;
  readonly act: () => void;
}

/**
 * Runs programs beside each other, one step at a time: `choose` says whose statement is sent next, and nothing else is
 * done until the server has answered it or lets it wait for a lock.
 */
export async function play(world: World, programs: Programs, choose: Choose, options: PlayOptions): Promise<Played> {
  const table = stepTable(world);
  const outcomes = new Map<string, Outcome>();
  world.tap.listen(table.listener);
  world.waiting.hand(table.waiting);
  const choice = chooserOf(choose, options, table);
  try {
    for (const [thread, program] of Object.entries(programs)) {
      void world.tap.run(thread, program).then(
        (value) => outcomes.set(thread, { value }),
        (thrown: unknown) => outcomes.set(thread, { thrown }),
      );
      await table.sessions.settle();
    }
    for (let steps = 0; ; steps += 1) {
      const chosen = choice();
      if (chosen === null) {
        const over = outcomes.size === Object.keys(programs).length;
        if (over) return { outcomes, trace: table.trace(), steps };
        throw new PlayError('nobody can go on, and not everybody is done', table.trace());
      }
      if (steps >= MAX_STEPS) throw new PlayError(`no end after ${steps} steps`, table.trace());
      chosen();
      table.blocked(await table.sessions.settle());
    }
  } catch (thrown) {
    if (thrown instanceof PlayError) throw thrown;
    throw new PlayError(messageOf(thrown), table.trace(), thrown);
  } finally {
    world.tap.listen(null);
    world.waiting.hand(null);
    await table.letGo();
  }
}

/** What there is to choose from, and what each choice does; answers null when there is nothing. */
function chooserOf(choose: Choose, options: PlayOptions, table: StepTable): () => (() => void) | null {
  let last: string | null = null;
  let losses = 0;
  return () => {
    const actions = new Map<string, () => void>();
    const offered: Option[] = [];
    const offer = (option: Option, thread: string, act: () => void): void => {
      offered.push(option);
      actions.set(option.token, () => {
        last = thread;
        losses += option.faults;
        act();
      });
    };
    const ready = table.ready();
    const current = ready.find(({ thread }) => thread === last);
    for (const step of inOrder(ready, current)) {
      const { thread } = step;
      // Who waits for a while lets others go first: going on with it while there are others is what is forced.
      const others = ready.some((each) => each.kind !== 'pause' && each !== step);
      const interrupts = current !== undefined && current.kind !== 'pause' && current !== step;
      const preemptions = interrupts || (step.kind === 'pause' && others) ? 1 : 0;
      offer({ token: thread, preemptions, faults: 0 }, thread, () => step.take(null));
      if (losses > 0 || step.statement?.text !== 'commit' || options.losesCommits?.includes(thread) !== true) continue;
      for (const loss of LOSSES) {
        offer({ token: `${thread}${loss}`, preemptions, faults: 1 }, thread, () => step.take(loss));
      }
    }
    if (options.firesTimers === true) {
      for (const { thread, fire } of table.timers()) {
        const preemptions = offered.length === 0 ? 0 : 1;
        offer({ token: thread.toUpperCase(), preemptions, faults: 0 }, thread, fire);
      }
    }
    if (offered.length === 0) return null;
    return actions.get(choose(offered)) ?? null;
  };
}

/** First what happens when nothing is forced: the thread goes on that went before, else another one by its letter. */
function inOrder(ready: readonly Ready[], current: Ready | undefined): readonly Ready[] {
  const rank = (step: Ready): number => {
    if (step.kind === 'pause') return step === current ? 3 : 2;
    return step === current ? 0 : 1;
  };
  return [...ready].sort((a, b) => rank(a) - rank(b) || (a.thread < b.thread ? -1 : 1));
}

interface StepTable {
  readonly sessions: Sessions;
  readonly listener: Parameters<World['tap']['listen']>[0];
  readonly waiting: NonNullable<Parameters<World['waiting']['hand']>[0]>;
  /** The first step of each thread that is ready to take one. */
  ready(): readonly Ready[];
  timers(): readonly { readonly thread: string; readonly fire: () => void }[];
  /** Notes in the trace who waits for whom. */
  blocked(waits: ReadonlyMap<number, readonly number[]>): void;
  trace(): readonly string[];
  /** Ends what is left: connections that were cut off, and steps that nobody will let be taken. */
  letGo(): Promise<void>;
}

function stepTable(world: World): StepTable {
  const sessions = watchSessions(world);
  const asked: Ready[] = [];
  const timers = new Set<Timer>();
  const lines: { text: string; ended: string }[] = [];
  /** Statements under way by their session, with their line of the trace. */
  const underWay = new Map<number, { ended: string }>();
  /** Which thread used a session last. */
  const users = new Map<number, string>();
  const cutOff = new Set<() => Promise<void>>();

  const add = (step: Ready): void => {
    asked.push(step);
    sessions.moved();
  };

  function note(token: string, label: string): { ended: string } {
    const line = { text: `${token.padEnd(3)} ${label}`, ended: '' };
    lines.push(line);
    return line;
  }

  /** Sends a statement and gives its answer to who asked, or not. */
  async function send(statement: AskedStatement, token: string, toWhom: Pick<AskedStatement, 'answer' | 'refuse'>) {
    const { client, thread, mayWait } = statement;
    const line = note(token, statement.label);
    const over = sessions.sent(client, mayWait);
    underWay.set(processIdOf(client), line);
    users.set(processIdOf(client), thread);
    try {
      const result = await statement.perform();
      for (const pid of endedBy(result)) sessions.ending(pid);
      toWhom.answer(result);
    } catch (thrown) {
      line.ended += ` -> ${messageOf(thrown)}`;
      toWhom.refuse(thrown);
      await ended(client);
    } finally {
      underWay.delete(processIdOf(client));
      over();
    }
  }

  function lose(statement: AskedStatement, loss: Loss): void {
    const { client, thread } = statement;
    const gone = (): Error => new Error('Connection terminated unexpectedly');
    const token = `${thread}${loss}`;
    if (loss === '-') {
      note(token, 'the connection is gone before the words were sent');
      destroy(client);
      sessions.ending(processIdOf(client));
      statement.refuse(gone());
    } else if (loss === '+') {
      const refused = (): void => {
        destroy(client);
        sessions.ending(processIdOf(client));
        statement.refuse(gone());
      };
      void send(statement, token, { answer: refused, refuse: refused });
    } else {
      note(token, 'the connection is gone, and the words are on their way');
      sessions.cutOff(client);
      const release = holdOpen(client);
      const letGo = async (): Promise<void> => {
        cutOff.delete(letGo);
        release();
        destroy(client);
        sessions.ending(processIdOf(client));
      };
      cutOff.add(letGo);
      const nobody = { answer: () => undefined, refuse: () => undefined };
      add({
        thread: '~',
        kind: 'late-words',
        statement: null,
        take: () => void send({ ...statement, label: 'commit arrives late' }, '~', nobody).then(letGo),
      });
      statement.refuse(gone());
      sessions.moved();
    }
  }

  return {
    sessions,
    listener: {
      statement: (statement) =>
        add({
          thread: statement.thread,
          kind: 'statement',
          statement,
          take: (loss) => (loss === null ? void send(statement, statement.thread, statement) : lose(statement, loss)),
        }),
      opening: (_, done) => sessions.opening(done),
      ending: (client) => sessions.ending(processIdOf(client)),
    },
    waiting: {
      sleep: (thread, ms) =>
        new Promise((resolve) => {
          add({
            thread,
            kind: 'pause',
            statement: null,
            take() {
              note(thread, `waits ${ms} ms`);
              world.waiting.pass(ms);
              resolve();
            },
          });
        }),
      after(thread, ms, act) {
        const timer: Timer = { thread, ms, act };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
    },
    ready() {
      const first = new Map<string, Ready>();
      for (const step of asked) if (!first.has(step.thread)) first.set(step.thread, step);
      return [...first.values()].map((step) => ({
        ...step,
        take(loss) {
          asked.splice(asked.indexOf(step), 1);
          step.take(loss);
        },
      }));
    },
    timers: () =>
      [...timers].map((timer) => ({
        thread: timer.thread,
        fire() {
          timers.delete(timer);
          note(timer.thread.toUpperCase(), `has waited ${timer.ms} ms`);
          world.waiting.pass(timer.ms);
          world.tap.run(timer.thread, timer.act);
        },
      })),
    blocked(waits) {
      for (const [pid, by] of waits) {
        const line = underWay.get(pid);
        if (line === undefined || line.ended !== '') continue;
        line.ended = ` (waits for ${by.map((each) => users.get(each) ?? `session ${each}`).join(', ')})`;
      }
    },
    trace: () => lines.map(({ text, ended: end }) => `${text}${end}`),
    async letGo() {
      for (const each of cutOff) await each();
      // Of a schedule that was given up; of one that came to its end nothing is left.
      for (const step of asked.splice(0)) {
        if (step.statement === null) step.take(null);
        else step.statement.refuse(new Error('the schedule was given up'));
      }
    },
  };
}

/** The words of a refusal come before the server has let go of its locks; it has when it is ready for more. */
function ended(client: Client): Promise<void> {
  // safe: the driver's own fields, which its types do not know
  const inner = client as unknown as {
    readonly readyForQuery: boolean;
    readonly _ended?: boolean;
    readonly connection: { once(event: string, act: () => void): void };
  };
  if (inner.readyForQuery || inner._ended === true) return Promise.resolve();
  return new Promise((resolve) => {
    inner.connection.once('readyForQuery', resolve);
    inner.connection.once('end', resolve);
  });
}

interface Stream {
  destroy: () => unknown;
}

function streamOf(client: Client): Stream {
  // safe: a socket of Node
  return (client as unknown as { readonly connection: { readonly stream: Stream } }).connection.stream;
}

function destroy(client: Client): void {
  streamOf(client).destroy();
}

/** The adapter gives up the connection, and the server does not hear of it; answers with what ends that. */
function holdOpen(client: Client): () => void {
  const stream = streamOf(client);
  Object.assign(client, { end: () => Promise.resolve() });
  Object.assign(stream, { destroy: () => stream });
  return () => {
    Reflect.deleteProperty(client, 'end');
    Reflect.deleteProperty(stream, 'destroy');
  };
}
