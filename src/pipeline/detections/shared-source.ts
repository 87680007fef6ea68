import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { Rule } from './detector.ts';
import type { Lagged } from './lagged.ts';
import { integerCondition } from './rules.ts';
import type { SeriesItem } from './series.ts';

/**
 * The guard for addresses that many people share (an office, a carrier): where enough different people signed in
 * successfully in the last days, more accounts are needed to call something a campaign.
 */

/** The most recent successful people, oldest first; never more than the rule asks for. */
export interface SharedHistory {
  readonly people: readonly { readonly account: string; readonly time: number }[];
}

export type SharedBaseline = Lagged<SharedHistory, SeriesItem>;

export const EMPTY_SHARED: SharedBaseline = { history: { people: [] }, waiting: [] };

/** Folds successful sign-ins. Only the newest `sharedUsers` different people matter, so only they are kept. */
export function foldSuccess(rule: Rule): (history: SharedHistory, success: SeriesItem) => SharedHistory {
  const keep = integerCondition(rule, 'sharedUsers');
  return (history, { unit, time }) => {
    const others = history.people.filter((person) => person.account !== unit);
    return { people: [...others, { account: unit, time }].slice(-keep) };
  };
}

/**
 * What folding the successes one by one (`advance`, `enqueue`) makes of it, without a new list of people for each: an
 * office's address folds dozens with every batch.
 *
 * @param successes sorted, none older than what waits.
 */
export function learnSuccesses(from: SharedBaseline, successes: readonly SeriesItem[], rule: Rule): SharedBaseline {
  const keep = integerCondition(rule, 'sharedUsers');
  const waiting = [...from.waiting];
  const people = [...from.history.people];
  let taken = 0;
  for (const success of successes) {
    const cutoff = success.time - DISORDER_TOLERANCE_MS;
    for (let next = waiting[taken]; next !== undefined && next.time < cutoff; next = waiting[taken]) {
      const { unit, time } = next;
      const known = people.findIndex(({ account }) => account === unit);
      if (known !== -1) people.splice(known, 1);
      people.push({ account: unit, time });
      if (people.length > keep) people.splice(0, people.length - keep);
      taken += 1;
    }
    if (!success.ingest) waiting.push(success);
  }
  return { history: taken === 0 ? from.history : { people }, waiting: taken === 0 ? waiting : waiting.slice(taken) };
}

/** True when at least `sharedUsers` different people signed in successfully in the `sharedDays` before `time`. */
export function isShared(history: SharedHistory, time: number, rule: Rule): boolean {
  const since = time - integerCondition(rule, 'sharedDays') * 86_400_000;
  const recent = history.people.filter((person) => person.time > since);
  return recent.length >= integerCondition(rule, 'sharedUsers');
}
