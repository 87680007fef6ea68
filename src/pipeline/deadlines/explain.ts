import type { ClockBasis, CountedLimit, StageDue } from './due.ts';
import { wallText } from './local-time.ts';
import type { Anchor, Count, Relief, Stage } from './rule.ts';

/** How a stage was counted, in one sentence for whoever wants to count again. */
export function explainStage(basis: ClockBasis, due: StageDue): string {
  const stage = basis.rule.stages.find(({ id }) => id === due.stage);
  if (stage === undefined) return '';
  if (due.noHolidays !== null) return withoutHolidays(due.noHolidays);
  if (due.limits.length === 0) return `Waits for ${due.missing.map((anchor) => anchorText(anchor)).join(', or ')}.`;
  return [
    ...wordsOf(stage, due),
    ...due.limits.map((limit) => limitText(basis, limit)),
    ...(due.limits.length > 1 ? ['The earlier one counts.'] : []),
    ...(due.provisional ? ['It moves when the earlier stage is submitted.'] : []),
    ...(due.state === 'paused' ? ['The clock stands still.'] : []),
    ...(due.pausedMs > 0 ? [`Pauses add ${durationText(due.pausedMs)}.`] : []),
    ...(due.extendedUntil === null ? [] : [`Extended to ${timeText(basis, due.extendedUntil)}.`]),
  ].join(' ');
}

export function withoutHolidays({ calendar, year }: { readonly calendar: string; readonly year: number }): string {
  return calendar === 'none'
    ? 'It cannot be counted: no calendar of holidays is set for this rule.'
    : `It cannot be counted: the holidays of ${year} are not in the calendar ${calendar}. Enter them in a calendar of your own.`;
}

function wordsOf(stage: Stage, { isDeadline }: StageDue): readonly string[] {
  if (isDeadline || stage.target === undefined) return [];
  return [`The text says "${stage.target.words}" and names no hours; this is an aim of the organisation.`];
}

function limitText(basis: ClockBasis, limit: CountedLimit): string {
  const start = `${countText(limit.count)} after ${anchorText(limit.after)} (${timeText(basis, limit.from)})`;
  const end = `${start} ${limit.provisional ? 'would end' : 'end'} on ${timeText(basis, limit.plain)}`;
  return `${[end, ...limit.moved.map(({ relief, to }) => `${RELIEF_WORDS[relief]} ${timeText(basis, to)}`)].join('; ')}.`;
}

const RELIEF_WORDS: Readonly<Record<Relief, string>> = {
  'two-working-days': 'fewer than two working days lie in between, so it ends on',
  'next-working-day': 'that is no working day, so it ends with the next one on',
  'noon-next-working-day': 'that is no working day, so it ends at noon of the next one on',
};

function countText(count: Count): string {
  switch (count.unit) {
    case 'hours':
      return `${count.amount} consecutive hours`;
    case 'days':
      return `${count.amount} calendar days${count.firstDayCounts === true ? ', the first one counted,' : ''}`;
    case 'months':
      return count.amount === 1 ? '1 month' : `${count.amount} months`;
    case 'business-days':
      return `${count.amount} business days`;
    case 'days-after-year-end':
      return `${count.amount} days after the end of the calendar year`;
    default:
      return count;
  }
}

/** What somebody has to record. */
export function anchorText(anchor: Anchor): string {
  if ('event' in anchor) return `the start event ${anchor.event}`;
  return `the ${anchor.which === 'latest' ? 'latest ' : ''}submission of ${anchor.submitted}`;
}

function timeText(basis: ClockBasis, at: number): string {
  return `${wallText(basis.offsets, at)} ${basis.timeZone} (${new Date(at).toISOString()})`;
}

function durationText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
