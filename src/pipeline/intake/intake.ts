import type { Clock } from '../../platform/clock.ts';
import type { CrashPoints } from '../../platform/crash-points.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { MAX_EVENTS_PER_TRANSACTION } from '../../platform/limits.ts';
import type { Machine } from '../../platform/machine.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { StoreUnavailableError, type Change, type JournalReader, type RecordDraft } from '../../journal/journal.ts';
import type { QueuedEffect } from '../../journal/membership.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { GovernanceReader } from '../approvals/governance.ts';
import type { DetectionContext, FindingChange } from '../detections/detector.ts';
import type { AcceptedEvent, Event } from '../events/event.ts';
import { NEWS_PREFIX } from '../executions/change.ts';
import type { ExecutionStore } from '../executions/execution-store.ts';
import type { Runner } from '../executions/runner.ts';
import { untilStored } from '../executions/until-stored.ts';
import { DECIDE_BY_DEFAULT } from '../incidents/decide.ts';
import type { StoredIncident } from '../incidents/incident-change.ts';
import { storedFrom } from '../incidents/incidents.service.ts';
import { openKey } from '../incidents/incident.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import type { EscalationService } from '../vendors/escalations.service.ts';
import { acceptedRecords } from './accepted-records.ts';
import { withoutCleared } from './cleared.ts';
import { correlate } from './correlate.ts';
import { detect, forgettable } from './detect.ts';
import { filedIncidents, withDetails } from './filed.ts';
import { guessedKnownEvents, lookedUpKnownEvents, type KnownEvents } from './known-events.ts';
import { memoryKeeper, type MemoryKeeper } from './memory-keeper.ts';
import { bringNews, lookAgain } from './news.ts';
import { alertFinding } from './own-findings.ts';
import { freePlace, respond, type OwedNews, type Response } from './respond.ts';
import { rulesInForce } from './rules-in-force.ts';
import { sortOut, type Verdict } from './sort-out.ts';

/** Events that may wait to be taken in: five full requests. Beyond it senders hear 503 and try again, and memory stays bounded. */
export const MAX_WAITING_EVENTS = 50_000;

/** Bytes of those events: four of the largest requests, whatever the size of their events. */
const MAX_WAITING_EVENT_BYTES = 64 * 1024 * 1024;

/** Tries of one batch while other processes take in events about the same keys. */
const MAX_TRIES = 10;

/** Tries after which the detector memory is read anew. */
const TRIES_FROM_MEMORY = 3;

export interface IntakePorts {
  readonly journal: JournalReader;
  readonly committer: GroupCommitter;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly store: ExecutionStore;
  readonly playbooks: { active(): Promise<readonly ActivePlaybook[]>; load(id: string): Promise<ActivePlaybook> };
  readonly governance: GovernanceReader;
  /** What belongs to the commit of an incident that touches vendors. Absent: nothing. */
  readonly escalationsFor?: EscalationService['startsFor'];
  /** Egress lists and the like, as they are now. */
  detectionContext(at: number): DetectionContext;
  /** Fills in the place of a public address where the event brings none. */
  withPlace(event: Event): Event;
  readonly closing: AbortSignal;
  /** Told of news that could not be brought for another reason than the store; they stay queued until the next start. */
  onError(thrown: unknown): void;
  /** For tests that stop the process. */
  readonly points?: CrashPoints;
}

export interface Intake {
  /**
   * Stores events, detects, correlates and starts executions, each batch of up to 500 in one commit. Answers for each
   * event, in the order given, when all of them are on disk: accepted means detected.
   */
  take(events: readonly AcceptedEvent[], trace: RecordDraft['trace']): Promise<readonly Verdict[]>;
  /** Brings executions the news of their incidents that a process which is gone still owed them. */
  bring(owed: readonly QueuedEffect[]): Promise<void>;
  /** Looks at an execution that has ended, whether its incident has outgrown it, and starts a follow-up where it has. */
  lookAgain(incidentId: string, executionId: string): Promise<void>;
  /**
   * Writes the detector states that follow behind the events. To be called before the process stops, when nothing is
   * taken in any more; without it nothing is lost, but the next start has to judge the last batches again.
   */
  flush(): Promise<void>;
  /** True while events are being taken in. */
  readonly busy: boolean;
  /** Events that wait to be taken in. */
  readonly waiting: number;
}

interface Pending {
  readonly accepted: AcceptedEvent;
  readonly trace: RecordDraft['trace'];
  /** Place among the events that were given together. */
  readonly index: number;
  readonly given: Given;
}

/** Events that were given together: they are answered together, with one promise and not with one for each. */
interface Given {
  settled(index: number, verdict: Verdict): void;
  readonly reject: (thrown: unknown) => void;
}

/** Everything a batch leads to, before it is committed. */
interface Outcome {
  readonly change: Change;
  readonly verdicts: readonly Verdict[];
  readonly responses: readonly Response[];
  /** To be called when the change is on disk. */
  committed(): void;
}

/** Builds the intake. Batches run one after the other in a process; events that arrive together share one. */
export function createIntake(ports: IntakePorts): Intake {
  const keeper = memoryKeeper(ports.journal, (change) => ports.committer.submit(change));
  const known =
    ports.journal.arrivals === undefined ? lookedUpKnownEvents(ports.journal) : guessedKnownEvents(ports.journal);
  let pending: Pending[] = [];
  let pendingBytes = 0;
  let running = false;
  /** Names of the news that are being brought, each with its execution: one that waits for the store is not brought twice. */
  const telling = new Set<string>();
  let looking = 0;
  let lookedForUnused = 0;

  /** States that nothing touches any more go, so that their pool never fills up with what passed by once. */
  async function forgetUnused(): Promise<void> {
    const now = ports.clock.now();
    const forgottenStates = forgettable(now, lookedForUnused);
    if (forgottenStates.length === 0) return;
    lookedForUnused = now;
    try {
      await keeper.beforeForgetting();
      await ports.committer.submit({ appends: [], forgottenStates });
    } catch (thrown) {
      ports.onError(thrown);
    }
  }

  /** A read that failed is followed by no look at what is owed, as a commit that failed is: so it is tried again here. */
  async function tell(news: OwedNews): Promise<void> {
    const name = `${news.execution} ${news.revision}`;
    if (telling.has(name)) return;
    telling.add(name);
    try {
      await ports.points?.at('news.owed');
      await untilStored(ports, () => bringNews({ ...ports, now: () => ports.clock.now() }, news));
    } catch (thrown) {
      ports.onError(thrown);
    } finally {
      telling.delete(name);
    }
  }

  async function drain(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.slice(0, MAX_EVENTS_PER_TRANSACTION);
      pending = pending.slice(MAX_EVENTS_PER_TRANSACTION);
      for (const { accepted } of batch) pendingBytes -= accepted.raw.length;
      await settle(batch);
      await forgetUnused();
    }
    running = false;
  }

  async function settle(batch: readonly Pending[]): Promise<void> {
    try {
      const events = batch.map(({ accepted }) => accepted);
      const take = (): Promise<Outcome> => takeBatch(ports, keeper, known, events, batch[0]?.trace);
      const { turns } = ports.journal;
      const { verdicts, responses } = await (turns === undefined ? take() : turns.inTurn('intake', take));
      await ports.points?.at('batch.recorded');
      for (const response of responses) {
        response.started();
        for (const news of response.news) void tell(news);
      }
      await ports.points?.at('batch.launched');
      batch.forEach(({ given, index }, at) => given.settled(index, verdicts[at] ?? 'duplicate'));
    } catch (thrown) {
      await afterFailure(batch, thrown);
    }
  }

  /** An event that cannot be taken in fails alone: strangers may share its batch, which is split to find it. */
  async function afterFailure(batch: readonly Pending[], thrown: unknown): Promise<void> {
    const passing = thrown instanceof StoreUnavailableError || thrown instanceof FirebreakError;
    if (passing || batch.length === 1) {
      for (const { given } of batch) given.reject(thrown);
      return;
    }
    const middle = batch.length >> 1;
    await settle(batch.slice(0, middle));
    await settle(batch.slice(middle));
  }

  return {
    get busy() {
      return running || telling.size > 0 || looking > 0;
    },
    get waiting() {
      return pending.length;
    },
    take(events, trace) {
      const bytes = events.reduce((sum, { raw }) => sum + raw.length, 0);
      if (pending.length + events.length > MAX_WAITING_EVENTS || pendingBytes + bytes > MAX_WAITING_EVENT_BYTES) {
        return Promise.reject(
          new FirebreakError('overloaded', 'Too many events wait to be taken in; send them again later'),
        );
      }
      pendingBytes += bytes;
      if (events.length === 0) return Promise.resolve([]);
      const { promise, given } = answerFor(events.length);
      for (const [index, accepted] of events.entries()) pending.push({ accepted, trace, index, given });
      if (!running) {
        running = true;
        setImmediate(() => void drain());
      }
      return promise;
    },
    async lookAgain(incidentId, executionId) {
      looking += 1;
      try {
        await lookAgain({ ...ports, now: () => ports.clock.now() }, incidentId, executionId);
      } finally {
        looking -= 1;
      }
    },
    flush: () => keeper.flush(),
    async bring(owed) {
      for (const { execution, name, body } of owed) {
        const { incidentId } = body as { readonly incidentId: string }; // written by `respond`
        await tell({ execution, incidentId, revision: Number(name.slice(NEWS_PREFIX.length)) });
      }
    },
  };
}

/** Resolves when all of so many events are settled; the first that cannot be taken in rejects it. */
function answerFor(count: number): { readonly promise: Promise<readonly Verdict[]>; readonly given: Given } {
  const verdicts: Verdict[] = [];
  let open = count;
  let reject: Given['reject'] = () => undefined;
  let resolve: (verdicts: readonly Verdict[]) => void = () => undefined;
  const promise = new Promise<readonly Verdict[]>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  const settled = (index: number, verdict: Verdict): void => {
    verdicts[index] = verdict;
    open -= 1;
    if (open === 0) resolve(verdicts);
  };
  return { promise, given: { settled, reject } };
}

async function takeBatch(
  ports: IntakePorts,
  keeper: MemoryKeeper,
  known: KnownEvents,
  events: readonly AcceptedEvent[],
  trace: RecordDraft['trace'],
): Promise<Outcome> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    // Again and again: then what is remembered is not what stands in the journal.
    if (tries === TRIES_FROM_MEMORY) keeper.reset();
    const outcome = await decideBatch(ports, keeper, known, events, trace);
    // Until the commit is known to be on disk, what is remembered may be out of date.
    keeper.doubt(outcome.change);
    const result = await ports.committer.submit(outcome.change);
    if (result.status === 'stale') {
      known.wasStale();
      continue;
    }
    outcome.committed();
    return outcome;
  }
  throw new FirebreakError('overloaded', 'Too many events about the same keys arrive at once');
}

async function decideBatch(
  ports: IntakePorts,
  keeper: MemoryKeeper,
  known: KnownEvents,
  events: readonly AcceptedEvent[],
  trace: RecordDraft['trace'],
): Promise<Outcome> {
  const { journal, clock } = ports;
  const now = clock.now();
  const { fresh, verdicts, conflicts } = await sortOut(known, events, (event) => ports.withPlace(event));
  const rules = rulesInForce(await ports.playbooks.active());
  const governance = await ports.governance.inForce();
  const { decide = DECIDE_BY_DEFAULT } = governance;
  const judging = { rules: rules.rules, context: ports.detectionContext(now) };
  const { result, owed, move } = await detect(keeper, fresh, judging, now);
  const alerts = fresh.filter(({ event }) => event.kind === 'alert').map(({ event }) => alertFinding(event));
  const found = [...owed, ...result.changes, ...conflicts, ...alerts];
  const filed = await filedIncidents(journal, found);
  const changes = withoutCleared(found, filed);
  const open = await openIncidents(journal, changes);
  const ids = await freeIncidentIds(journal, changes);
  const correlated = correlate(changes, { open, filed }, ({ id }) => ids.get(id) ?? id, now, decide);
  const { outdated } = correlated;
  const steps = await Promise.all(correlated.steps.map((step) => withDetails(journal, step)));
  const responding = { journal, runner: ports.runner, governance, rules };
  const responses = await Promise.all(steps.map((step) => respond(responding, step, fresh, trace, now)));
  const { escalationsFor = startsNone } = ports;
  const escalated = await Promise.all(steps.map(({ incident }) => escalationsFor(incident, trace, now)));
  const escalations = escalated.flat();
  const change = mergeChanges([
    await acceptedRecords(journal, fresh, result, trace, now),
    move.change,
    ...outdated.map((stored) => freePlace(stored, trace, now)),
    ...responses.map((response) => response.change),
    ...escalations.map((step) => step.change),
  ]);
  const committed = (): void => {
    move.committed();
    for (const step of escalations) step.told();
  };
  return { change, verdicts, responses, committed };
}

const startsNone: EscalationService['startsFor'] = () => Promise.resolve([]);

async function openIncidents(
  journal: Pick<JournalReader, 'viewByUniqueKey'>,
  changes: readonly FindingChange[],
): Promise<ReadonlyMap<string, StoredIncident>> {
  const open = new Map<string, StoredIncident>();
  for (const key of new Set(changes.map(({ finding }) => openKey(finding.subject)))) {
    const view = await journal.viewByUniqueKey('incident', key);
    if (view !== null) open.set(key, storedFrom(view));
  }
  return open;
}

/**
 * The id of an incident that each finding could open. It derives from the finding; a finding whose incident was
 * closed, and that gets more evidence, opens another one.
 */
async function freeIncidentIds(
  journal: Pick<JournalReader, 'id' | 'view'>,
  changes: readonly FindingChange[],
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const { finding } of changes) {
    if (finding.superseded || ids.has(finding.id)) continue;
    const id = (generation: number): string =>
      generation === 1
        ? derivedId('inc', journal.id, finding.id)
        : derivedId('inc', journal.id, finding.id, String(generation));
    let generation = 1;
    while ((await journal.view('incident', id(generation))) !== null) generation += 1;
    ids.set(finding.id, id(generation));
  }
  return ids;
}
