import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

/** Regime of a runbook's own limit: an aim of the organisation, beside those that a law sets. */
export const RUNBOOK_REGIME = 'RUNBOOK';

/** Longest limit of a runbook, in hours: a year. Whatever is owed later needs a calendar and not a step of a runbook. */
export const MAX_RUNBOOK_HOURS = 8_760;

/** The clock of a runbook's `deadline_hours`. */
export function runbookRule(hours: number): DeadlineRule {
  return {
    ...ROW,
    id: `runbook-${hours}h`,
    regime: RUNBOOK_REGIME,
    title: `The runbook's own limit of ${hours} hours`,
    reference: 'deadline_hours of the runbook',
    sureness: 'A',
    onTag: false,
    recipient: "the organisation's regulatory contact",
    timeZone: 'UTC',
    appliesWhen: { organisation: {}, incident: {} },
    stages: [
      {
        id: 'notification',
        title: 'What the runbook asks for',
        content: [],
        limits: [after('aware', 'hours', hours)],
      },
    ],
  };
}
