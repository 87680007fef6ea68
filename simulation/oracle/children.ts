import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { checkAllowed } from './approvals.ts';
import { actionOf, type Broken, type ExecutionModel, type Of } from './model.ts';

const DID_ITS_WORK: ReadonlySet<string> = new Set(['COMPLETED', 'SKIPPED']);

/** Nobody is acted on a second time, whatever became of the first: a person may have released them. */
export function takeChildren(execution: ExecutionModel, fact: Of<'children.started'>, broken: Broken): void {
  const { actionId } = fact;
  const earlier = [...execution.children.values()].filter((child) => child.actionId === actionId && child.wasDone);
  const done = new Set(earlier.map(({ account }) => account));
  for (const { id, account } of fact.children) {
    if (done.has(account)) broken('children', `${execution.id} ${actionId} acts on ${account} again`);
    execution.children.set(id, { actionId, account, wasDone: false });
  }
  const action = actionOf(execution, actionId);
  action.phase = 'children';
  const accounts = fact.children.map(({ account }) => account);
  checkAllowed(execution, action, 'starts children', accounts, broken);
}

/** How a child ended, as its parent heard it. */
export function noteChild(execution: ExecutionModel, input: Input): void {
  const child = input.type === 'child' ? execution.children.get(input.childId) : undefined;
  if (child !== undefined && input.type === 'child' && DID_ITS_WORK.has(input.status)) child.wasDone = true;
}
