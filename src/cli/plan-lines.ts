import { z } from 'zod';
import { printable } from '../platform/printable.ts';

/** How a plan is shown to people, line by line. */

export const PLAN_EXIT_CODES = {
  /** There is nothing to do; the codes are in the manner of other planning tools, where an error is 1. */
  nothing: 0,
  /** Something would be done. */
  wouldAct: 2,
} as const;

const APPROVAL = z.looseObject({
  needsApproval: z.boolean(),
  denied: z.boolean(),
  requiredApprovers: z.int(),
  requirements: z.array(z.looseObject({ roles: z.array(z.string()), k: z.int() })),
});
const ACTION = z.looseObject({
  actionId: z.string(),
  actionType: z.string(),
  connector: z.string(),
  runs: z.unknown(),
  targets: z.array(z.string()).or(z.looseObject({ unresolved: z.string() })),
  missing: z.array(z.string()),
  approval: APPROVAL.nullable(),
  reversibility: z.string(),
});
/** What one playbook would do. */
export const RUN = z.looseObject({
  name: z.string(),
  playbookId: z.string(),
  playbookVersion: z.int(),
  riskLevel: z.string(),
  stages: z.array(z.looseObject({ stage: z.int(), actions: z.array(ACTION) })),
});
type Run = z.infer<typeof RUN>;
type Action = z.infer<typeof ACTION>;

/** Whether anything is left that may be done: what no condition and no policy has ruled out. */
export function wouldAct({ stages }: Run): boolean {
  return stages.some(({ actions }) =>
    actions.some((action) => action.runs !== 'no' && action.approval?.denied !== true),
  );
}

export function linesOfRun({ name, playbookVersion, riskLevel, stages }: Run): readonly string[] {
  return [
    `${printable(name)}, version ${playbookVersion}, ${riskLevel}`,
    ...stages.flatMap(({ stage, actions }) => [`stage ${stage}`, ...actions.flatMap(linesOfAction)]),
  ];
}

function linesOfAction(action: Action): readonly string[] {
  const { actionId, actionType, connector, targets, missing } = action;
  const named = Array.isArray(targets) ? targets.join(', ') : `nobody: ${targets.unresolved}`;
  const whom = named === '' ? '' : ` on ${printable(named)}`;
  return [
    `  ${printable(actionId)}: ${actionType} by ${printable(connector)}${whom}`,
    `    ${runsOf(action)}; ${approvalOf(action)}; ${action.reversibility}`,
    ...missing.map((each) => `    missing ${printable(each)}`),
  ];
}

function runsOf({ runs }: Action): string {
  if (runs === 'always' || runs === 'yes') return 'runs';
  return runs === 'no' ? 'does not run: its condition is false' : 'runs if its condition holds then';
}

function approvalOf({ approval }: Action): string {
  if (approval === null) return 'asks nobody';
  if (approval.denied) return 'is denied by a policy';
  if (!approval.needsApproval) return 'is allowed by a condition or an exemption';
  const roles = approval.requirements.map(({ roles: names, k }) => `${k} of ${names.join(' or ')}`);
  return `asks ${approval.requiredApprovers}: ${roles.join(', ')}`;
}
