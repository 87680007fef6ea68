import type { Json } from '../../platform/canonical-json.ts';
import { shownTime, type Resource } from '../service.ts';
import { clockStages, clockStatus, isOptional, nextDue, type Clock } from './clock.ts';
import type { StageDue } from './due.ts';
import { anchorText, explainStage } from './explain.ts';
import { wallText } from './local-time.ts';
import type { DeadlineRule } from './rule.ts';

/** A clock as the API shows it. @param now business time. */
export function shownClock(id: string, clock: Clock, now: number): Resource {
  const stages = clockStages(clock);
  const { basis } = clock;
  const open = stages.filter((stage) => !isOptional(clock, stage));
  return {
    id,
    incidentId: clock.incidentId,
    executionId: clock.executionId,
    regime: basis.rule.regime,
    status: clockStatus(clock, stages, now),
    nextDueAt: shownTime(nextDue(open)),
    rule: ruleOf(basis.rule),
    timeZone: basis.timeZone,
    calendar: basis.calendar?.id ?? null,
    reliefs: [...basis.reliefs],
    startedAt: shownTime(clock.startedAt),
    startedBy: clock.startedBy,
    events: clock.events.map(({ kind, at, reason, evidence }) => ({
      kind,
      at: shownTime(at),
      reason,
      evidence: [...evidence],
    })),
    stages: stages.map((stage) => shownStage(clock, stage, now)),
    pauses: clock.pauses.map(({ from, to, reason, approver, reference }) => ({
      from: shownTime(from),
      to: shownTime(to),
      reason,
      approver,
      reference,
    })),
    notApplicable: shownRefusal(clock.notApplicable),
    version: clock.version,
  };
}

function shownRefusal(refusal: Clock['notApplicable']): Json {
  return refusal === null ? null : { ...refusal, at: shownTime(refusal.at) };
}

function ruleOf({ id, version, title, reference, verifiedOn, sureness, recipient, note }: DeadlineRule): Json {
  return { id, version, title, reference, verifiedOn, sureness, recipient, note: note ?? null };
}

function shownStage(clock: Clock, due: StageDue, now: number): Json {
  const { basis } = clock;
  const stage = basis.rule.stages.find(({ id }) => id === due.stage);
  return {
    id: due.stage,
    title: stage?.title ?? due.stage,
    content: [...(stage?.content ?? [])],
    state: due.state,
    optional: isOptional(clock, due),
    dueAt: shownTime(due.due),
    dueLocal: due.due === null ? null : `${wallText(basis.offsets, due.due)} ${basis.timeZone}`,
    isDeadline: due.isDeadline,
    words: due.isDeadline ? null : (stage?.target?.words ?? null),
    provisional: due.provisional,
    overdue: due.state === 'running' && due.due !== null && due.due <= now,
    late: due.metAt !== null && due.due !== null && due.metAt > due.due,
    waitsFor: due.missing.map((anchor) => anchorText(anchor)),
    explained: explainStage(basis, due),
    extendedUntil: shownTime(due.extendedUntil),
    submissions: clock.submissions
      .filter((each) => each.stage === due.stage)
      .map(({ at, reference, evidenceId, person, note, by }) => ({
        at: shownTime(at),
        reference,
        evidenceId,
        person,
        note,
        recordedBy: by,
      })),
  };
}
