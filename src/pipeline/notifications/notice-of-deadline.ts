import type { JournalRecord } from '../audit/record.ts';
import { short, type Told } from './notice-of.ts';

/** What a notice says of a clock, as `../deadlines`, which lies downstream, puts it into its records. */
export interface ReminderWords {
  readonly regime: string;
  readonly rule: string;
  readonly title: string;
  readonly recipient: string;
  readonly incidentId: string | null;
  /** False: an aim of the organisation. */
  readonly isDeadline: boolean;
}

interface DeadlineWords {
  readonly about: ReminderWords;
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
  /** Of reminders and overruns. */
  readonly mark?: number;
  readonly due?: number;
}

/** From this mark on a reminder is urgent, in thousandths of the time. */
const URGENT_MARK = 900;

/** What people are told of a regulatory clock; null where a record of it is no news. */
export function deadlineNotice(id: string, { type, data }: Pick<JournalRecord, 'type' | 'data'>): Told | null {
  if (type !== 'deadline.started' && type !== 'deadline.reminded' && type !== 'deadline.overrun') return null;
  const { about, roles, userIds, mark = 0, due } = data as unknown as DeadlineWords;
  const what = short(`${about.regime}: ${about.title}`);
  const word = about.isDeadline ? 'deadline' : 'own aim';
  const facts = [
    { label: 'Rule', value: short(about.rule) },
    { label: 'To', value: short(about.recipient) },
    ...(about.incidentId === null ? [] : [{ label: 'Incident', value: short(about.incidentId) }]),
    ...(due === undefined ? [] : [{ label: about.isDeadline ? 'Due' : 'Own aim', value: new Date(due).toISOString() }]),
  ];
  const audience = { who: 'named', roles, userIds } as const;
  const common = { facts, about: { type: 'deadline', id } as const, ask: null };
  switch (type) {
    case 'deadline.started': {
      const notice = { kind: type, severity: 'HIGH', title: `A regulatory clock runs: ${what}` } as const;
      return { notice: { ...common, ...notice, lines: [STARTED] }, audience, channels: null };
    }
    case 'deadline.reminded': {
      const severity = mark >= URGENT_MARK ? 'HIGH' : 'MEDIUM';
      const title = `${Math.floor(mark / 10)} % of the time is over (${word}): ${what}`;
      return { notice: { ...common, kind: type, severity, title, lines: [REMINDED] }, audience, channels: null };
    }
    case 'deadline.overrun': {
      const title = `The ${word} has passed: ${what}`;
      return {
        notice: { ...common, kind: type, severity: 'CRITICAL', title, lines: [OVERRUN] },
        audience,
        channels: null,
      };
    }
    default:
      return type;
  }
}

const STARTED =
  'Firebreak sends nothing to an authority. Look at its stages, say what is known, and record what was handed in.';
const REMINDED = 'Record the submission with its reference once it is handed in, or say why it does not apply.';
const OVERRUN = 'It is on record as overrun. Hand it in with the reasons of the delay, and record that.';
