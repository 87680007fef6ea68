import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import { isForAccounts, type ActionModel, type Broken, type ExecutionModel } from './model.ts';

const HOUR_MS = 3_600_000;

/** What a limiter has counted, as its records say it. */
interface Counted {
  readonly id: string;
  readonly at: number;
  readonly count: number;
  readonly perHour: number;
  readonly approved: boolean;
}

/** No hour holds more than its limit but what a person has allowed, and nothing begins that was not counted. */
export interface LimitRule {
  /** A record of a limiter. */
  count(sealed: SealedRecord): void;
  /** A fact about an action whose type has a limit. */
  take(execution: ExecutionModel, action: ActionModel, fact: Fact): void;
}

export function createLimitRule(broken: Broken): LimitRule {
  const counted = new Map<string, Counted[]>();
  /** How many targets each action was counted for. */
  const targets = new Map<string, number>();

  return {
    count({ record }) {
      const { stream, data } = record;
      const entry = data as unknown as Counted; // the engine's
      const before = (counted.get(stream) ?? []).filter(({ at }) => entry.at - at < HOUR_MS);
      const sum = before.reduce((total, { count }) => total + count, entry.count);
      if (!entry.approved && sum > entry.perHour)
        broken('limits', `${stream} counts ${sum} in an hour that may hold ${entry.perHour}`);
      if (before.some(({ id }) => id === entry.id)) broken('limits', `${stream} counts ${entry.id} twice`);
      counted.set(stream, [...before, entry]);
      targets.set(`${stream} ${entry.id}`, entry.count);
    },
    take(execution, action, fact) {
      const { actionId, declaration } = action.plan;
      if (execution.plan.perHour?.[declaration.type] === undefined) return;
      const run = isForAccounts(execution, action) && action.generation > 1 ? `:${action.generation}` : '';
      const name = `limiter/${declaration.type} ${execution.id}|${actionId}${run}`;
      if (fact.type === 'reservation.made') {
        action.reserved = true;
        if (!targets.has(name))
          broken('limits', `${execution.id} ${actionId} counts as reserved, and no limiter has counted it`);
      }
      if (fact.type === 'children.started') {
        // Whoever joined later is counted by a child's own question.
        const own = fact.children.filter(({ account }) => action.accounts.includes(account)).length;
        if (own > (targets.get(name) ?? 0)) broken('limits', `${execution.id} ${actionId} counts too few of ${own}`);
      }
      const begins = fact.type === 'attempt.started' || fact.type === 'children.started';
      if (begins && !action.reserved) broken('limits', `${execution.id} ${actionId} begins before it is counted`);
    },
  };
}
