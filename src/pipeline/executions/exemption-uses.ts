import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import type { StoredView, View } from '../../journal/journal.ts';
import type { GateExemption, Plan } from '../playbooks/plan.ts';
import type { ApprovalState, ExecutionState } from './core/state.ts';
import { planActionOf } from './core/transition.ts';

/** Every exemption of a plan, each once. */
export function exemptionsIn({ stages }: Plan): readonly GateExemption[] {
  const found = new Map<string, GateExemption>();
  for (const { actions } of stages)
    for (const { gates } of actions)
      for (const { exemptions = [] } of gates) for (const each of exemptions) found.set(each.id, each);
  return [...found.values()];
}

/** A row for each gate of the approval that was not asked because of an exemption: they are listed with the exemption. */
export function exemptionUseViews(plan: Plan, state: ExecutionState, approval: ApprovalState): readonly View[] {
  const { declaration } = planActionOf(plan, approval.actionId);
  return (approval.automatic ?? []).flatMap((answer): View[] => {
    if (!('exemption' in answer)) return [];
    const { id: exemptionId } = answer.exemption;
    const { incident } = state.snapshot;
    const body: { readonly [member: string]: Json } = {
      exemptionId,
      executionId: state.id,
      incidentId: incident.id,
      approvalId: approval.id,
      actionId: approval.actionId,
      actionType: declaration.type,
      policyId: answer.source,
      policyVersion: answer.version,
      gateName: answer.gateName,
    };
    return [
      {
        kind: 'exemption-use',
        id: useId(exemptionId, approval.id),
        expectedVersion: null,
        type: declaration.type,
        parent: exemptionId,
        ref: state.id,
        at: approval.requestedAt,
        body,
      },
    ];
  });
}

/** A gate has one answer, and an exemption is from one gate. */
function useId(exemptionId: string, approvalId: string): string {
  return `${exemptionId}|${approvalId}`;
}

const APPROVAL_ROW = z.looseObject({
  automatic: z.array(z.looseObject({ exemption: z.looseObject({ id: z.string() }).optional() })).default([]),
});

/** Ids of the rows that `exemptionUseViews` has written beside the row of an approval. */
export function exemptionUses({ id, body }: StoredView): readonly string[] {
  return APPROVAL_ROW.parse(body).automatic.flatMap(({ exemption }) =>
    exemption === undefined ? [] : [useId(exemption.id, id)],
  );
}
