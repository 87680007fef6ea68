import { StoreUnavailableError } from '../../src/journal/journal.ts';
import type { Host } from './host.ts';
import type { Ask } from './memory-journal.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** What is wrong with the store now, for everybody. */
export interface StoreWeather {
  /** `full`: reads work, commits are refused. `gone`: nothing is answered but an error. */
  state: 'fine' | 'full' | 'gone';
  /** Of a thousand commits, those with an answer that says nothing although it was applied, or was not. */
  unknownPerMille: number;
  /** Of a thousand requests, those that take long; of a hundred of them some take longer than anybody waits. */
  slowPerMille: number;
}

export interface StoreLinkPorts {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly random: Random;
  readonly weather: StoreWeather;
  readonly host: Host;
  /** False: the file of one process, which reads without waiting. True: a server that requests travel to. */
  readonly shared: boolean;
}

/**
 * The way of one process to the store. A request that is under way when its process dies arrives or is lost, whole
 * or not at all; its answer never comes.
 */
export function storeLink(ports: StoreLinkPorts): Ask {
  const { scheduler, trace, random, weather, host, shared } = ports;

  function refusal(isCommit: boolean): StoreUnavailableError | null {
    if (weather.state === 'gone') return new StoreUnavailableError('the store is gone', false);
    return weather.state === 'full' && isCommit ? new StoreUnavailableError('the store is full', false) : null;
  }

  function wayUs(): number {
    if (!random.chance(weather.slowPerMille)) return random.below(4) * 150;
    return random.chance(150) ? random.between(900, 3_000) * 1_000 : random.between(2, 120) * 1_000;
  }

  async function atOnce<Answer>(work: () => Answer): Promise<Answer> {
    const refused = refusal(false);
    if (refused !== null) throw refused;
    return work();
  }

  return (what, work) => {
    const isCommit = what.startsWith('commit');
    if (!shared && !isCommit) return atOnce(work);
    return new Promise((resolve, reject) => {
      const back = wayUs();
      let over = false;
      const arrive = (): void => {
        if (over) return;
        over = true;
        const refused = refusal(isCommit);
        const answer = refused === null ? worked(isCommit, work) : () => reject(refused);
        if (typeof answer === 'function') host.deliver(back, `refused ${what}`, answer);
        else if ('unknown' in answer)
          host.deliver(back, `unheard ${what}`, () => reject(new StoreUnavailableError('the connection broke', true)));
        else if ('thrown' in answer) host.deliver(back, `threw ${what}`, () => reject(answer.thrown));
        else host.deliver(back, `got ${what}`, () => resolve(answer.value));
      };
      scheduler.after(wayUs(), `${host.name} asks ${what}`, () => {
        // A file that the dead no longer write; a packet that was, or was not, on its way.
        if (!host.alive && (!shared || random.chance(300))) return;
        arrive();
      });
      if (!shared) host.onKill(() => (random.chance(500) ? arrive() : undefined));
    });
  };

  function worked<Answer>(
    isCommit: boolean,
    work: () => Answer,
  ): { readonly value: Answer } | { readonly thrown: unknown } | { readonly unknown: true } {
    const unknown = isCommit && random.chance(weather.unknownPerMille);
    if (unknown && random.chance(500)) {
      trace.add(`${host.name} commit lost`);
      return { unknown };
    }
    try {
      const value = work();
      if (isCommit) trace.add(`${host.name} committed ${summary(value)}`);
      return unknown ? { unknown } : { value };
    } catch (thrown) {
      return { thrown };
    }
  }
}

/** The hashes of what a commit added: two traces differ wherever a single byte of a record does. */
function summary(results: unknown): string {
  if (!Array.isArray(results)) return '';
  return results
    .map((result: { status: string; hashes?: readonly string[] }) =>
      result.status === 'applied' ? (result.hashes ?? []).map((hash) => hash.slice(0, 12)).join('+') : 'stale',
    )
    .join(' ');
}
