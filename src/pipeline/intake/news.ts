import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { PolicyInForce } from '../approvals/match-gates.ts';
import { newsName } from '../executions/change.ts';
import type { ExecutionStore, Loaded } from '../executions/execution-store.ts';
import type { Runner } from '../executions/runner.ts';
import { newExecution, snapshotOf } from '../executions/start.ts';
import { incidentWrite, type StoredIncident } from '../incidents/incident-change.ts';
import { storedFrom } from '../incidents/incidents.service.ts';
import { incidentValues, isOpen, withTimeline } from '../incidents/incident.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { untilApplied } from '../service.ts';
import type { OwedNews } from './respond.ts';

export interface NewsPorts {
  readonly journal: Pick<JournalReader, 'id' | 'view'>;
  readonly committer: GroupCommitter;
  readonly runner: Pick<Runner, 'submit' | 'startChange'>;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly playbooks: { load(id: string): Promise<ActivePlaybook> };
  readonly policies: { inForce(): Promise<readonly PolicyInForce[]> };
  readonly now: () => number;
}

/**
 * Tells an execution what its incident looks like now. The queue entry goes with the commit that takes the news up.
 * An execution that is over cannot take it; where it acted on each account, a follow-up execution acts on the new ones.
 */
export async function bringNews(ports: NewsPorts, news: OwedNews): Promise<void> {
  const { execution, incidentId, revision } = news;
  const stored = await incidentOf(ports, incidentId);
  if (stored === null) return;
  const { accounts } = stored.incident;
  const { ended } = (await ports.store.load(execution)).state;
  if (ended === null) {
    const incident = incidentValues(stored.incident);
    const { facts } = await ports.runner.submit(execution, { type: 'incident', incident, accounts, revision });
    if (facts.every((fact) => fact.type !== 'input.ignored')) return;
  }
  await untilApplied(() => followUp(ports, news));
}

async function followUp(ports: NewsPorts, { execution, incidentId, revision }: OwedNews) {
  const delivered = { appends: [], effects: [{ execution, name: newsName(revision), body: null }] };
  const stored = await incidentOf(ports, incidentId);
  const { plan, state, trace } = await ports.store.load(execution);
  const siblings = stored?.incident.executions.filter(({ playbookId }) => playbookId === plan.playbookId) ?? [];
  const missed =
    stored === null
      ? []
      : await missedAccounts(
          ports,
          stored,
          siblings.map(({ id }) => id),
        );
  const latest = siblings.at(-1)?.id === execution;
  if (stored === null || !latest || missed.length === 0 || !isOpen(stored.incident) || !actsOnEach(plan)) {
    return { result: await ports.committer.submit(delivered), answer: undefined };
  }
  const { incident } = stored;
  const playbook = await ports.playbooks.load(plan.playbookId);
  const next = newExecution(playbook, await ports.policies.inForce(), {
    journalId: ports.journal.id,
    incident,
    snapshot: snapshotOf({ ...incident, accounts: missed }, null, state.snapshot.context),
    requester: state.requester,
    trace,
    generation: siblings.length + 1,
  });
  const at = ports.now();
  const { executionId } = next.start;
  const grown = {
    ...incident,
    executions: [...incident.executions, { id: executionId, playbookId: plan.playbookId, status: 'INITIATED' }],
    timeline: withTimeline(incident.timeline, at, [`follow-up ${executionId} for ${missed.length} more accounts`]),
  };
  const cause = { followUpOf: execution, executionId };
  const { append, view } = incidentWrite(stored, grown, { type: 'incident.updated', at, trace, cause });
  const { change, started } = ports.runner.startChange(next);
  const result = await ports.committer.submit(mergeChanges([delivered, { appends: [append], views: [view] }, change]));
  if (result.status === 'applied') started();
  return { result, answer: undefined };
}

/** Accounts of the incident that no execution of the playbook was started for. */
async function missedAccounts(
  ports: NewsPorts,
  { incident }: StoredIncident,
  executions: readonly string[],
): Promise<readonly string[]> {
  const loaded = await Promise.all(executions.map((id) => ports.store.load(id)));
  const covered = new Set(loaded.flatMap(({ state }) => state.snapshot.accounts));
  return incident.accounts.filter((account) => !covered.has(account));
}

function actsOnEach(plan: Loaded['plan']): boolean {
  return plan.stages.some(({ actions }) => actions.some(({ forEach }) => forEach === 'accounts'));
}

async function incidentOf({ journal }: NewsPorts, incidentId: string): Promise<StoredIncident | null> {
  const view = await journal.view('incident', incidentId);
  return view === null ? null : storedFrom(view);
}
