import { explore, type Explored } from './explorer.ts';
import type { NamedSetting } from './settings.ts';

/** What became of some settings, added up. */
export interface Total {
  readonly states: number;
  readonly transitions: number;
  readonly broken: number;
  /** Settings that were too large to be visited whole. */
  readonly incomplete: number;
}

export interface ExploreAll {
  readonly settings: readonly NamedSetting[];
  /** Ends at the first broken promise. */
  readonly stop: boolean;
  say(line: string): void;
  /** Time that this process has worked, in ms. */
  cpuMs(): number;
}

/** Visits the states of each setting and tells of each in a line, of a broken promise with a shortest way to it. */
export async function exploreAll({ settings, stop, say, cpuMs }: ExploreAll): Promise<Total> {
  let total: Total = { states: 0, transitions: 0, broken: 0, incomplete: 0 };
  for (const [name, setting] of settings) {
    const from = cpuMs();
    const explored = await explore(setting);
    total = added(total, explored);
    const seconds = ((cpuMs() - from) / 1_000).toFixed(1);
    const { states, transitions, atRest, ends, broken, complete } = explored;
    const whole = broken === null ? (complete ? 'all kept' : 'TOO LARGE, not visited whole') : 'BROKEN';
    say(
      `${name}: ${states} states, ${transitions} transitions, ${atRest} at rest, ${ends.size} ends, ${seconds} s: ${whole}`,
    );
    if (broken === null) continue;
    say(`  BROKEN ${broken.rule}: ${broken.what}`);
    for (const [index, step] of broken.path.entries()) say(`  ${String(index + 1).padStart(3)} ${step}`);
    if (stop) break;
  }
  say(
    `${total.states} states, ${total.transitions} transitions, ${total.broken} broken, ${(cpuMs() / 1_000).toFixed(1)} s`,
  );
  return total;
}

function added(total: Total, { states, transitions, broken, complete }: Explored): Total {
  return {
    states: total.states + states,
    transitions: total.transitions + transitions,
    broken: total.broken + (broken === null ? 0 : 1),
    incomplete: total.incomplete + (complete ? 0 : 1),
  };
}
