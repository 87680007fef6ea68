import { z } from 'zod';
import type { Resource } from '../../service.ts';

/** The actions of previewed executions that may be done, as a plan shows them. */

const APPROVAL = z.looseObject({
  needsApproval: z.boolean(),
  denied: z.boolean(),
  requirements: z.array(
    z.looseObject({
      roles: z.array(z.string()),
      k: z.int(),
      users: z.record(z.string(), z.array(z.string())).optional(),
    }),
  ),
});
const ACTION = z.looseObject({
  actionId: z.string(),
  actionType: z.string(),
  runs: z.unknown(),
  targets: z.array(z.string()).or(z.looseObject({ unresolved: z.string() })),
  parameters: z.unknown(),
  missing: z.array(z.string()),
  approval: APPROVAL.nullable(),
});
const RUN = z.looseObject({
  playbookId: z.string(),
  stages: z.array(z.looseObject({ actions: z.array(ACTION) })),
});

export type PlannedAction = z.infer<typeof ACTION> & { readonly playbookId: string };

/** Those that no condition and no policy has ruled out, in their order. */
export function severalPlanned(runs: readonly Resource[]): readonly PlannedAction[] {
  return runs.flatMap((run) => {
    const { playbookId, stages } = RUN.parse(run);
    const actions = stages.flatMap((stage) => stage.actions);
    return actions
      .filter(({ runs: when, approval }) => when !== 'no' && approval?.denied !== true)
      .map((action) => ({ ...action, playbookId }));
  });
}
