import type { ClockRecord, ClockSubject } from './clock.ts';
import { eventOf, type EventInput } from './people-said.ts';
import { clockWords, type Reminders } from './reminders.ts';

/** The first record of a clock. @throws FirebreakError `invalid_deadline` for an event that the rule does not count from. */
export function startRecord({
  clock,
  event,
  by,
  now,
  reminders,
}: {
  readonly clock: ClockSubject;
  readonly event: EventInput | null;
  readonly by: string;
  readonly now: number;
  readonly reminders: Reminders;
}): ClockRecord {
  const { roles, userIds } = reminders;
  const isDeadline = clock.basis.rule.stages.some(({ limits }) => limits.length > 0);
  const about = clockWords(clock, null, isDeadline);
  const first = event === null ? null : eventOf(clock.basis.rule, event, now);
  return { type: 'deadline.started', at: now, data: { by, clock, event: first, about, roles, userIds } };
}
