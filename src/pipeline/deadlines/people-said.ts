import { FirebreakError } from '../../platform/errors.ts';
import type { CallContext } from '../access/principal.ts';
import {
  clockStages,
  clockStatus,
  type Clock,
  type ClockRecord,
  type DueOnRecord,
  type Grant,
  type StartEvent,
  type Submission,
} from './clock.ts';
import { withoutHolidays } from './explain.ts';
import type { DeadlineRule, StartKind } from './rule.ts';

/**
 * What people say of a clock, as records of it; each is refused here where it cannot be. Pure: the time comes with the call.
 */

/** A start event as it comes in. */
export interface EventInput {
  readonly kind: StartKind;
  /** When it was, ms since 1970. */
  readonly at: number;
  readonly reason: string;
  /** Ids of evidence, addresses, names of documents. */
  readonly evidence: readonly string[];
}

export type SubmissionInput = Pick<Submission, 'stage' | 'at' | 'reference' | 'evidenceId' | 'person' | 'note'>;

/** Before this no changes of clocks are known, and nothing is counted. */
const EARLIEST = Date.UTC(2025, 0, 1);
/** Longest extension beyond now, in ms: two years; whatever is owed later has another reason. */
const MAX_EXTENSION_MS = 2 * 366 * 86_400_000;

type Said = Pick<CallContext, 'now'> & { readonly principal: Pick<CallContext['principal'], 'userId'> };

/** The event as it is recorded. @throws FirebreakError `invalid_deadline` */
export function eventOf(rule: DeadlineRule, { kind, at, reason, evidence }: EventInput, now: number): StartEvent {
  const kinds = startKinds(rule);
  if (!kinds.includes(kind)) throw invalid('/event/kind', `${rule.id} counts from ${kinds.join(', ')}`);
  if (at > now) throw invalid('/event/at', 'lies in the future: record it once it has happened');
  if (at < EARLIEST) throw invalid('/event/at', `lies before ${new Date(EARLIEST).toISOString().slice(0, 10)}`);
  return { kind, at, reason, evidence };
}

/** From which events a rule counts. */
export function startKinds(rule: DeadlineRule): readonly StartKind[] {
  const kinds = rule.stages.flatMap(({ limits, target }) =>
    [...limits.map(({ after }) => after), ...(target === undefined ? [] : [target.after])].flatMap((after) =>
      'event' in after ? [after.event] : [],
    ),
  );
  return [...new Set(kinds)];
}

/** @throws FirebreakError `invalid_deadline`, `conflict` */
export function recomputed(clock: Clock, input: EventInput, { now, principal }: Said): ClockRecord {
  requireOpen(clock);
  const event = eventOf(clock.basis.rule, input, now);
  const events = [...clock.events.filter(({ kind }) => kind !== event.kind), event];
  const after = clockStages({ ...clock, events });
  for (const { noHolidays } of after) if (noHolidays !== null) throw invalid('/event/at', withoutHolidays(noHolidays));
  const data = { by: principal.userId, event, before: duesOf(clockStages(clock)), after: duesOf(after) };
  return { type: 'deadline.recomputed', at: now, data };
}

function duesOf(stages: ReturnType<typeof clockStages>): readonly DueOnRecord[] {
  return stages.map(({ stage, due }) => ({ stage, due }));
}

/** @throws FirebreakError `invalid_deadline`, `conflict` */
export function extension(
  clock: Clock,
  { stage: id, until, reason, approver, reference }: Grant & { readonly stage: string; readonly until: number },
  { now, principal }: Said,
): ClockRecord {
  requireOpen(clock);
  const stage = stageOf(clock, id);
  if (stage.state === 'met')
    throw new FirebreakError('conflict', `${id} has been submitted: there is nothing to extend`);
  if (stage.due === null)
    throw new FirebreakError('conflict', `${id} has no deadline now (${stage.state}): there is nothing to extend`);
  if (until <= stage.due) throw invalid('/until', `is not after the deadline, ${new Date(stage.due).toISOString()}`);
  if (until > now + MAX_EXTENSION_MS) throw invalid('/until', 'lies more than two years ahead');
  return {
    type: 'deadline.extended',
    at: now,
    data: { by: principal.userId, stage: id, until, reason, approver, reference },
  };
}

/** @throws FirebreakError `conflict` */
export function paused(clock: Clock, grant: Grant, { now, principal }: Said): ClockRecord {
  requireOpen(clock);
  const status = clockStatus(clock, clockStages(clock), now);
  if (status === 'PAUSED') throw new FirebreakError('conflict', 'It is paused already');
  if (status === 'MET')
    throw new FirebreakError('conflict', 'Everything has been submitted: there is nothing to pause');
  return { type: 'deadline.paused', at: now, data: { by: principal.userId, ...grant } };
}

/** @throws FirebreakError `conflict` */
export function resumed(clock: Clock, grant: Grant, { now, principal }: Said): ClockRecord {
  requireOpen(clock);
  if (!clock.pauses.some(({ to }) => to === null)) throw new FirebreakError('conflict', 'It is not paused');
  return { type: 'deadline.resumed', at: now, data: { by: principal.userId, ...grant } };
}

/** @throws FirebreakError `invalid_deadline`, `conflict` */
export function submission(clock: Clock, input: SubmissionInput, { now, principal }: Said): ClockRecord {
  requireOpen(clock);
  stageOf(clock, input.stage);
  if (input.at > now) throw invalid('/at', 'lies in the future: record it once it was handed in');
  if (input.at < EARLIEST) throw invalid('/at', `lies before ${new Date(EARLIEST).toISOString().slice(0, 10)}`);
  const isKnown = clock.submissions.some(
    ({ stage, reference }) => stage === input.stage && reference === input.reference,
  );
  if (isKnown) throw new FirebreakError('conflict', `${input.reference} is recorded already`);
  return { type: 'deadline.met', at: now, data: { ...input, by: principal.userId } };
}

/** @throws FirebreakError `conflict` */
export function notApplicable(
  clock: Clock,
  { reason, person }: { readonly reason: string; readonly person: string },
  { now, principal }: Said,
): ClockRecord {
  requireOpen(clock);
  if (clockStatus(clock, clockStages(clock), now) === 'MET')
    throw new FirebreakError('conflict', 'Everything has been submitted: it applied');
  return { type: 'deadline.not_applicable', at: now, data: { by: principal.userId, reason, person } };
}

function stageOf(clock: Clock, id: string) {
  const stages = clockStages(clock);
  const stage = stages.find((each) => each.stage === id);
  if (stage === undefined)
    throw invalid('/stage', `is no stage; there are ${stages.map((each) => each.stage).join(', ')}`);
  return stage;
}

/** @throws FirebreakError `conflict` for a clock that nobody can change any more. */
function requireOpen(clock: Pick<Clock, 'notApplicable'>): void {
  if (clock.notApplicable !== null)
    throw new FirebreakError('conflict', 'It was found not to apply: start a new one if it does after all');
}

function invalid(pointer: string, detail: string): FirebreakError {
  return new FirebreakError('invalid_deadline', detail, [{ pointer, detail }]);
}
