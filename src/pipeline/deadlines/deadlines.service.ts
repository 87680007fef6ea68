import { FirebreakError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { shownTime, untilApplied, type Answer, type Listing } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import { breachAppend, isBreachRegime } from './breach.ts';
import { changeOfClocks, clockChange, type ClockChange } from './clock-change.ts';
import {
  clockKey,
  clockStages,
  clockStream,
  nextDue,
  type Clock,
  type ClockRecord,
  type ClockStatus,
  type Grant,
} from './clock.ts';
import { requireIncident, type DeadlineRuleService } from './deadline-rules.service.ts';
import {
  extension,
  notApplicable,
  paused,
  recomputed,
  resumed,
  submission,
  type EventInput,
  type SubmissionInput,
} from './people-said.ts';
import { withoutHolidays } from './explain.ts';
import { shownClock } from './show-clock.ts';
import { startRecord } from './start-clock.ts';

/** Clocks that are looked through for a list, the newest first: those of open incidents are few. */
const MAX_LISTED = 1_000;

/** Told of clocks that were started, once they are on record. May be told of the same one again. */
export type OnStarted = (started: { readonly id: string; readonly clock: Clock }) => Promise<void>;

export interface DeadlinePorts {
  readonly journal: Pick<JournalReader, 'view' | 'viewByUniqueKey' | 'longReads' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly rules: Pick<DeadlineRuleService, 'inForce'>;
  readonly tell?: TellRecord;
  /** Whether there is such a piece of evidence. Absent: it is not looked up. */
  readonly hasEvidence?: (evidenceId: string) => Promise<boolean>;
  readonly onStarted?: OnStarted;
}

export interface DeadlineQuery {
  readonly limit: number;
  readonly skip: number;
  readonly incidentId?: string | undefined;
  readonly regime?: string | undefined;
  readonly status?: ClockStatus | undefined;
  /** Only those with a stage that is due before this time. */
  readonly dueBefore?: number | undefined;
}

export interface StartInput {
  readonly ruleId: string;
  readonly incidentId: string | null;
  /** Null: it waits for its start event. */
  readonly event: EventInput | null;
}

export interface DeadlineService {
  /** The soonest due first; what is not due at all last. */
  list(ctx: CallContext, query: DeadlineQuery): Promise<Listing>;
  /** With how each stage was counted, and everything that was recorded. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** @throws FirebreakError `not_found`, `invalid_deadline`, `conflict` for a rule that is off or a clock that runs already. */
  start(ctx: CallContext, input: StartInput): Promise<Answer>;
  /** Records a start event that came later, or corrects one; everything is counted anew. */
  recordEvent(ctx: CallContext, input: { readonly id: string; readonly event: EventInput }): Promise<Answer>;
  extend(
    ctx: CallContext,
    input: Grant & { readonly id: string; readonly stage: string; readonly until: number },
  ): Promise<Answer>;
  pause(ctx: CallContext, input: Grant & { readonly id: string }): Promise<Answer>;
  resume(ctx: CallContext, input: Grant & { readonly id: string }): Promise<Answer>;
  /** Records what somebody handed in. Firebreak itself sends nothing. */
  submit(ctx: CallContext, input: SubmissionInput & { readonly id: string }): Promise<Answer>;
  notApplicable(
    ctx: CallContext,
    input: { readonly id: string; readonly reason: string; readonly person: string },
  ): Promise<Answer>;
}

/** Builds the service. Each verb is a record of the clock's own stream; reminders are `reminding.ts`. */
export function createDeadlineService(ports: DeadlinePorts): DeadlineService {
  const { journal, committer, ids, rules, tell } = ports;

  async function existing(id: string): Promise<Clock> {
    const view = await journal.view('deadline', id);
    if (view === null) throw new FirebreakError('not_found', `There is no deadline ${id}`);
    return view.body as unknown as Clock; // only this room writes these bodies
  }

  /** Adds the record that a person's word makes of the clock as it is. */
  async function change(
    ctx: CallContext,
    id: string,
    recordOf: (clock: Clock) => ClockRecord,
    warningsOf: (clock: Clock) => readonly string[] = () => [],
  ): Promise<Answer> {
    return untilApplied(async () => {
      const before = await existing(id);
      const { settings } = await rules.inForce();
      const writing = { reminders: settings.reminders, tell, trace: recordedTrace(ctx) };
      const next = clockChange(id, before, [recordOf(before)], writing);
      const result = await committer.submit(changeOfClocks([next]));
      if (result.status === 'applied') next.told();
      return { result, answer: answerOf(ctx, id, next, warningsOf(next.clock)) };
    });
  }

  function answerOf(
    ctx: CallContext,
    id: string,
    { clock }: Pick<ClockChange, 'clock'>,
    warnings: readonly string[],
  ): Answer {
    return { data: shownClock(id, clock, ctx.now), version: clock.version, warnings };
  }

  return {
    async list({ now }, { limit, skip, incidentId, regime, status, dueBefore }) {
      const narrow = {
        ...(incidentId === undefined ? {} : { parent: incidentId }),
        ...(regime === undefined ? {} : { ref: regime }),
      };
      const { items } = await journal.longReads.listViews({ kind: 'deadline', ...narrow, limit: MAX_LISTED, skip: 0 });
      const clocks = items.map((view) => {
        const clock = view.body as unknown as Clock; // only this room writes these bodies
        return { due: nextDue(clockStages(clock)), shown: shownClock(view.id, clock, now) };
      });
      const wanted = clocks
        .filter(({ shown }) => status === undefined || shown['status'] === status)
        .filter(({ due }) => dueBefore === undefined || (due !== null && due < dueBefore))
        .sort((left, right) => (left.due ?? Number.MAX_SAFE_INTEGER) - (right.due ?? Number.MAX_SAFE_INTEGER));
      return { items: wanted.slice(skip, skip + limit).map(({ shown }) => shown), total: wanted.length };
    },
    async get({ now }, { id }) {
      const clock = await existing(id);
      const records = await journal.readStream(clockStream(id));
      const history = records.map(({ record: { type, at, data } }) => {
        const { clock: _whole, ...rest } = data;
        return { type, at: shownTime(at), ...rest };
      });
      return { data: { ...shownClock(id, clock, now), history }, version: clock.version };
    },
    async start(ctx, input) {
      const made = await untilApplied(async () => {
        const inForce = await rules.inForce();
        const rule = inForce.rules.find(({ id }) => id === input.ruleId);
        if (rule === undefined) throw new FirebreakError('not_found', `There is no rule ${input.ruleId}`);
        if (!rule.enabled)
          throw new FirebreakError('conflict', `${rule.id} is off: somebody has to look it up and confirm it first`);
        if (input.incidentId !== null) await requireFree(input.incidentId, rule.id);
        const id = ids.next('dl');
        const { incidentId, event } = input;
        const clock = { incidentId, executionId: null, basis: inForce.basisOf(rule) };
        const by = ctx.principal.userId;
        const { reminders } = inForce.settings;
        const record = startRecord({ clock, event, by, now: ctx.now, reminders });
        const trace = recordedTrace(ctx);
        const next = clockChange(id, null, [record], { reminders, tell, trace });
        requireCounted(next.clock);
        const breach =
          incidentId !== null && isBreachRegime(rule.regime)
            ? await breachAppend(journal, { incidentId, by, at: ctx.now, trace })
            : null;
        const result = await committer.submit(changeOfClocks([next], breach ?? {}));
        if (result.status === 'applied') next.told();
        return { result, answer: { id, next } };
      });
      await ports.onStarted?.({ id: made.id, clock: made.next.clock });
      return answerOf(ctx, made.id, made.next, []);
    },
    recordEvent: (ctx, { id, event }) => change(ctx, id, (clock) => recomputed(clock, event, ctx)),
    extend: (ctx, { id, ...input }) => change(ctx, id, (clock) => extension(clock, input, ctx)),
    pause: (ctx, { id, ...grant }) => change(ctx, id, (clock) => paused(clock, grant, ctx)),
    resume: (ctx, { id, ...grant }) => change(ctx, id, (clock) => resumed(clock, grant, ctx)),
    async submit(ctx, { id, ...input }) {
      const { evidenceId } = input;
      if (evidenceId !== null && ports.hasEvidence !== undefined && !(await ports.hasEvidence(evidenceId)))
        throw new FirebreakError('invalid_deadline', `There is no evidence ${evidenceId}`, [
          { pointer: '/evidenceId', detail: 'is no evidence that is kept here' },
        ]);
      const late = (clock: Clock): readonly string[] => {
        const stage = clockStages(clock).find((each) => each.stage === input.stage);
        return stage?.due !== null && stage !== undefined && input.at > stage.due
          ? ['/at: it was handed in after the deadline: give the reasons of the delay']
          : [];
      };
      return change(ctx, id, (clock) => submission(clock, input, ctx), late);
    },
    notApplicable: (ctx, { id, ...input }) => change(ctx, id, (clock) => notApplicable(clock, input, ctx)),
  };

  async function requireFree(incidentId: string, ruleId: string): Promise<void> {
    await requireIncident(journal, incidentId);
    const running = await journal.viewByUniqueKey('deadline', clockKey(incidentId, ruleId));
    if (running !== null)
      throw new FirebreakError(
        'conflict',
        `${ruleId} runs for this incident already: ${running.id}; correct its start event instead`,
      );
  }
}

/** @throws FirebreakError `invalid_deadline` where holidays are not known. */
function requireCounted(clock: Clock): void {
  for (const { noHolidays, stage } of clockStages(clock))
    if (noHolidays !== null)
      throw new FirebreakError('invalid_deadline', `${stage}: ${withoutHolidays(noHolidays)}`, [
        { pointer: '/ruleId', detail: withoutHolidays(noHolidays) },
      ]);
}
