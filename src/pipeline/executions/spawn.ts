import { childPlan } from './core/children.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';
import type { Runner } from './runner.ts';
import { planActionOf } from './core/transition.ts';

export interface SpawnPorts {
  readonly runner: Pick<Runner, 'start'>;
  readonly store: Pick<ExecutionStore, 'isStopped'>;
}

/**
 * Starts the child executions of a fan-out action. Repeatable: a child that exists is left as it is. Where the parent was stopped
 * meanwhile, also while this waited for its turn, they end at once: it waits for each of them.
 */
export async function spawnChildren(
  { runner, store }: SpawnPorts,
  { plan, state, trace }: Loaded,
  actionId: string,
): Promise<void> {
  const action = planActionOf(plan, actionId);
  const prepared = new Set(state.actions[actionId]?.accounts);
  const { journalId, riskLevel, authorIds, snapshot } = state;
  const isStopped = await store.isStopped(state.id);
  await Promise.all(
    Object.entries(state.actions[actionId]?.children ?? {}).map(([executionId, { account }]) =>
      runner.start({
        plan: childPlan(plan, action, prepared.has(account)),
        trace,
        start: {
          executionId,
          journalId,
          riskLevel,
          authorIds,
          requester: state.requester,
          parent: { executionId: state.id, actionId },
          ...(isStopped ? { isCancelled: true } : {}),
          snapshot: { ...snapshot, user: { ...snapshot.user, id: account }, accounts: [account] },
        },
      }),
    ),
  );
}
