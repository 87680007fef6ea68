import { z } from 'zod';
import type { JsonObject } from '../../../platform/canonical-json.ts';
import type { Resource } from '../../service.ts';
import type { RulesInForce } from '../../deadlines/deadline-rules.service.ts';
import { chosenRules } from '../../deadlines/desk.ts';
import { anchorText } from '../../deadlines/explain.ts';
import { startKinds } from '../../deadlines/people-said.ts';
import { KNOWLEDGE, type DeadlineRule } from '../../deadlines/rule.ts';
import { severalPlanned, type PlannedAction } from './planned-actions.ts';

/** The regulatory clocks that a plan would start, as the desk chooses them. */

const PARAMETERS = z.looseObject({
  channels: z.array(z.string()).default([]),
  deadlineHours: z.number().nullable().default(null),
  regimes: z.array(z.string()).default([]),
});

/** One for each action that asks for clocks and may run; sorted as the actions are. Pure: it holds no time. */
export function plannedClocks(runs: readonly Resource[], inForce: RulesInForce): readonly JsonObject[] {
  return severalPlanned(runs).flatMap((action) => clocksOf(action, inForce));
}

function clocksOf(action: PlannedAction, inForce: RulesInForce): readonly JsonObject[] {
  if (action.actionType !== 'NOTIFY_REGULATORY_CONTACT') return [];
  const parameters = PARAMETERS.safeParse(action.parameters);
  if (!parameters.success) return [];
  const { begin, left, unknown } = chosenRules(inForce, parameters.data);
  return [
    {
      playbookId: action.playbookId,
      actionId: action.actionId,
      clocks: begin.map(clockAsJson),
      left: left.map(({ ruleId, reason }) => ({ ruleId, reason })),
      unknownTags: [...unknown],
    },
  ];
}

/** `startedBy` null: the clock begins, and counts once people have recorded its start event. */
function clockAsJson({ id, regime, title, reference, version, recipient, stages, ...rule }: DeadlineRule): JsonObject {
  const kinds = startKinds({ id, regime, title, reference, version, recipient, stages, ...rule });
  return {
    ruleId: id,
    ruleVersion: version,
    regime,
    title,
    reference,
    recipient,
    startEvents: [...kinds],
    startedBy: kinds.find((kind) => KNOWLEDGE.includes(kind)) ?? null,
    stages: stages.map((stage) => ({
      id: stage.id,
      title: stage.title,
      limits: stage.limits.map(({ after, count }) => ({
        amount: count.amount,
        unit: count.unit,
        after: anchorText(after),
      })),
    })),
  };
}
