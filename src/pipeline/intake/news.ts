import type { CrashPoints } from '../../platform/crash-points.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Change, ChangeResult, JournalReader } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { GovernanceReader } from '../approvals/governance.ts';
import { newsName } from '../executions/change.ts';
import type { ExecutionStore, Loaded } from '../executions/execution-store.ts';
import type { Runner } from '../executions/runner.ts';
import type { Snapshot } from '../executions/core/inputs.ts';
import { coveredAccounts, handledBy, isOutgrown } from '../executions/core/outgrown.ts';
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
  readonly governance: GovernanceReader;
  readonly now: () => number;
  /** For tests that stop the process. */
  readonly points?: CrashPoints;
}

/**
 * Tells an execution what its incident looks like now. The queue entry goes with the commit that takes the news up.
 * An execution that is over cannot take it; where it did too little for what the incident is now, a follow-up does more.
 */
export async function bringNews(ports: NewsPorts, news: OwedNews): Promise<void> {
  const { execution, incidentId, revision } = news;
  const stored = await incidentOf(ports, incidentId);
  if (stored === null) return;
  const { plan, state } = await ports.store.load(execution);
  if (state.ended === null) {
    const incident = incidentValues(stored.incident);
    // A follow-up must not act again on those whom an earlier execution of its playbook acted on.
    const others = siblingsOf(stored, plan.playbookId).filter((id) => id !== execution);
    const accounts = await missedAccounts(ports, stored, others);
    const told = { type: 'incident', incident, accounts, revision, asOf: stored.seq } as const;
    const { facts } = await ports.runner.submit(execution, told);
    if (facts.every((fact) => fact.type !== 'input.ignored')) return;
  }
  await ports.points?.at('news.told');
  const delivered = { appends: [], effects: [{ execution, name: newsName(revision), body: null }] };
  await untilApplied(() => followUp(ports, incidentId, execution, delivered));
}

/** Looks at an execution that has ended, whether its incident outgrew it while it ran. Repeatable. */
export async function lookAgain(ports: NewsPorts, incidentId: string, execution: string): Promise<void> {
  await untilApplied(() => followUp(ports, incidentId, execution, { appends: [] }));
}

async function followUp(ports: NewsPorts, incidentId: string, execution: string, delivered: Change) {
  const stored = await incidentOf(ports, incidentId);
  const { plan, state, trace } = await ports.store.load(execution);
  const siblings = stored === null ? [] : siblingsOf(stored, plan.playbookId);
  const latest = siblings.at(-1) === execution;
  const idle = stored === null || !latest || !isOpen(stored.incident) || state.ended === null;
  const { accounts, handled } = idle ? NOBODY : await workLeft(ports, stored, siblings);
  if (stored === null || accounts.length === 0) return { result: await submitted(ports, delivered), answer: undefined };
  const { incident } = stored;
  const at = ports.now();
  const playbook = await playbookOf(ports, plan.playbookId);
  if (playbook === null) {
    const what = `no follow-up for ${accounts.length} accounts: the playbook ${plan.playbookId} was deleted`;
    const said = withoutFollowUp(stored, { at, trace, execution, what });
    return { result: await submitted(ports, mergeChanges([delivered, said])), answer: undefined };
  }
  const next = newExecution(playbook, await ports.governance.inForce(), {
    journalId: ports.journal.id,
    incident,
    snapshot: { ...snapshotOf({ ...incident, accounts }, null, state.snapshot.context), ...handled },
    requester: state.requester,
    trace,
    generation: siblings.length + 1,
  });
  const { executionId } = next.start;
  const grown = {
    ...incident,
    executions: [...incident.executions, { id: executionId, playbookId: plan.playbookId, status: 'INITIATED' }],
    timeline: withTimeline(incident.timeline, at, [`follow-up ${executionId} for ${accounts.length} accounts`]),
  };
  const cause = { followUpOf: execution, executionId };
  const { append, view } = incidentWrite(stored, grown, { type: 'incident.updated', at, trace, cause });
  const { change, started } = ports.runner.startChange(next);
  const result = await ports.committer.submit(mergeChanges([delivered, { appends: [append], views: [view] }, change]));
  await ports.points?.at('follow-up.recorded');
  if (result.status === 'applied') started();
  return { result, answer: undefined };
}

/** What changes nothing is not committed: most executions end without a follow-up. */
function submitted(ports: NewsPorts, change: Change): Promise<ChangeResult> {
  const isEmpty = change.appends.length === 0 && (change.effects ?? []).length === 0;
  return isEmpty ? Promise.resolve(NOTHING_TO_DO) : ports.committer.submit(change);
}

/** Null where people have deleted it since, or the next version of its runbook has dropped it. */
async function playbookOf({ playbooks }: NewsPorts, id: string): Promise<ActivePlaybook | null> {
  try {
    return await playbooks.load(id);
  } catch (thrown) {
    if (thrown instanceof FirebreakError && thrown.code === 'not_found') return null;
    throw thrown;
  }
}

interface NoFollowUp {
  readonly at: number;
  readonly trace: Loaded['trace'];
  readonly execution: string;
  /** For people, on the timeline of the incident. */
  readonly what: string;
}

/** Whom nothing is done about any more is for people to see. A repeat says nothing more. */
function withoutFollowUp(stored: StoredIncident, { at, trace, execution, what }: NoFollowUp): Change {
  const { incident } = stored;
  if (incident.timeline.some((entry) => entry.what === what)) return { appends: [] };
  const said = { ...incident, timeline: withTimeline(incident.timeline, at, [what]) };
  const cause = { followUpOf: execution, executionId: null };
  const { append, view } = incidentWrite(stored, said, { type: 'incident.updated', at, trace, cause });
  return { appends: [append], views: [view] };
}

/** Executions of the playbook that the incident has had, oldest first. */
function siblingsOf({ incident }: StoredIncident, playbookId: string): readonly string[] {
  return incident.executions.filter((each) => each.playbookId === playbookId).map(({ id }) => id);
}

const NOTHING_TO_DO: ChangeResult = { status: 'applied', hashes: [] };

interface WorkLeft {
  readonly accounts: readonly string[];
  readonly handled: Pick<Snapshot, 'handled'>;
}

const NOBODY: WorkLeft = { accounts: [], handled: {} };

/** Whom a follow-up is for: everybody where the incident got graver than what was done about it, else those who were missed. */
async function workLeft(ports: NewsPorts, stored: StoredIncident, siblings: readonly string[]): Promise<WorkLeft> {
  const loaded = await Promise.all(siblings.map((id) => ports.store.load(id)));
  const values = incidentValues(stored.incident);
  // Done by any of them is done: an earlier one may have left out what a later one did.
  const graver = loaded.every(({ plan, state }) => isOutgrown(plan, state, values));
  if (graver) return { accounts: stored.incident.accounts, handled: {} };
  if (!loaded.some(({ plan }) => actsOnEach(plan))) return NOBODY;
  const accounts = await missedAccounts(ports, stored, siblings);
  const handled = handledBy(loaded, accounts);
  return { accounts, handled: Object.keys(handled).length === 0 ? {} : { handled } };
}

/** Accounts of the incident that none of these executions acts on. */
async function missedAccounts(
  ports: NewsPorts,
  { incident }: StoredIncident,
  executions: readonly string[],
): Promise<readonly string[]> {
  const loaded = await Promise.all(executions.map((id) => ports.store.load(id)));
  const covered = new Set(loaded.flatMap(({ plan, state }) => coveredAccounts(plan, state)));
  return incident.accounts.filter((account) => !covered.has(account));
}

function actsOnEach(plan: Loaded['plan']): boolean {
  return plan.stages.some(({ actions }) => actions.some(({ forEach }) => forEach === 'accounts'));
}

async function incidentOf({ journal }: NewsPorts, incidentId: string): Promise<StoredIncident | null> {
  const view = await journal.view('incident', incidentId);
  return view === null ? null : storedFrom(view);
}
