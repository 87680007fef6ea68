/**
 * Enumerates schedules without knowing what is scheduled. A schedule is the list of choices made while something runs; it
 * is found by running from the start again with a longer prefix (nothing is ever taken back), fewest preemptions first, so
 * that the first failure is a simple one. Each schedule within the bounds is run once.
 *
 * The bound on preemptions is that of CHESS (Musuvathi and others, OSDI 2008): most mistakes in concurrent programs show
 * with two forced switches or fewer, and their number grows with a low power of the length instead of exponentially.
 */

/** Something that may happen next. */
export interface Option {
  /** Names it within the schedule. */
  readonly token: string;
  /** 1 when somebody is interrupted by it who could have gone on. */
  readonly preemptions: number;
  /** 1 when it is a fault that is injected. */
  readonly faults: number;
}

export interface Bounds {
  readonly preemptions: number;
  readonly faults: number;
  /** Schedules that are run at most. */
  readonly schedules: number;
}

/** Picks one of what may happen next; the first is what happens when nothing is forced. */
export type Choose = (options: readonly Option[]) => string;

export interface Explored {
  readonly schedules: number;
  /** False when the cap on schedules left some out. */
  readonly complete: boolean;
  /** Runs that had to be repeated because their beginning did not come out as it had before. */
  readonly diverged: number;
}

/** A schedule asked for a choice that was not there this time: what runs is not as deterministic as it should be. */
export class DivergedError extends Error {
  constructor(token: string, options: readonly Option[]) {
    super(`the schedule goes on with ${token}, and there is only: ${options.map((each) => each.token).join(' ')}`);
    this.name = 'DivergedError';
  }
}

/** How often a schedule that diverged is tried again before that is a failure. */
const MAX_REPEATS = 5;

interface Prefix {
  readonly tokens: readonly string[];
  readonly preemptions: number;
  readonly faults: number;
}

const EMPTY: Prefix = { tokens: [], preemptions: 0, faults: 0 };

/** Runs every schedule within the bounds. `run` rejects when what it ran was wrong; nothing more is run then. */
export async function exploreSchedules(bounds: Bounds, run: (choose: Choose) => Promise<void>): Promise<Explored> {
  const levels: Prefix[][] = [[EMPTY]];
  let schedules = 0;
  let diverged = 0;
  // By forced switches and faults; levels grow while they are gone through.
  for (const level of levels) {
    for (const prefix of level) {
      if (schedules >= bounds.schedules) return { schedules, complete: false, diverged };
      schedules += 1;
      const { alternatives, repeats } = await runFrom(prefix, run);
      diverged += repeats;
      for (const next of alternatives) {
        if (next.preemptions > bounds.preemptions || next.faults > bounds.faults) continue;
        const forced = next.preemptions + next.faults;
        while (levels.length <= forced) levels.push([]);
        levels[forced]?.push(next);
      }
    }
  }
  return { schedules, complete: true, diverged };
}

/** Runs one schedule: as given, and behind its end what happens when nothing is forced. */
export async function runSchedule(tokens: readonly string[], run: (choose: Choose) => Promise<void>): Promise<void> {
  await run(chooser({ ...EMPTY, tokens }, []));
}

async function runFrom(
  prefix: Prefix,
  run: (choose: Choose) => Promise<void>,
): Promise<{ readonly alternatives: readonly Prefix[]; readonly repeats: number }> {
  for (let repeats = 0; ; repeats += 1) {
    const alternatives: Prefix[] = [];
    try {
      await run(chooser(prefix, alternatives));
      return { alternatives, repeats };
    } catch (thrown) {
      if (!(thrown instanceof DivergedError) || repeats >= MAX_REPEATS) throw thrown;
    }
  }
}

/** Goes along the prefix, then by the first option each time, and notes what could have been chosen instead. */
function chooser({ tokens, preemptions, faults }: Prefix, alternatives: Prefix[]): Choose {
  const chosen: string[] = [];
  return (options) => {
    const given = tokens[chosen.length];
    const option = given === undefined ? options[0] : options.find(({ token }) => token === given);
    if (option === undefined) throw new DivergedError(given ?? 'anything', options);
    if (given === undefined) {
      for (const other of options.slice(1)) {
        alternatives.push({
          tokens: [...chosen, other.token],
          preemptions: preemptions + other.preemptions,
          faults: faults + other.faults,
        });
      }
    }
    chosen.push(option.token);
    return option.token;
  };
}
