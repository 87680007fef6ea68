import { steeredClock } from '../../src/platform/clock.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import type { Finding } from '../../src/pipeline/detections/detector.ts';
import { egressContext, parseEgressList } from '../../src/pipeline/detections/egress.ts';
import type { AcceptedEvent, Event } from '../../src/pipeline/events/event.ts';
import { normaliseEvent } from '../../src/pipeline/events/normalise-event.ts';
import { executionStore } from '../../src/pipeline/executions/execution-store.ts';
import { createRunner } from '../../src/pipeline/executions/runner.ts';
import { incidentOf } from '../../src/pipeline/incidents/incident-change.ts';
import { createIntake, type Intake, type IntakePorts } from '../../src/pipeline/intake/intake.ts';

/** An event of our own format as the API takes it in. @throws Error with what is wrong with it */
export function acceptedEvent(json: object, receivedAt: number, source = 'test'): AcceptedEvent {
  const raw = Buffer.from(JSON.stringify(json));
  const normalised = normaliseEvent({ bytes: raw, json }, { format: 'firebreak', source, receivedAt });
  if (!normalised.ok) throw new Error(`${normalised.pointer}: ${normalised.reason}`);
  return { event: normalised.event, raw };
}

/** The real intake on a real SQLite file, without playbooks: what is found, and nothing done about it. */
export interface TestIntake {
  readonly journal: Journal;
  readonly intake: Intake;
  readonly errors: unknown[];
  close(): Promise<void>;
}

export interface TestIntakeOptions {
  readonly file: string;
  /** Business time at which all events are received. */
  readonly now: number;
  readonly egress?: readonly { readonly cidr: string; readonly label: string; readonly expires: string }[];
  withPlace?(event: Event): Event;
  detectionContext?: IntakePorts['detectionContext'];
  playbooks?: IntakePorts['playbooks'];
  /** As on a journal that several processes take events into: what a batch touches is written with it. */
  readonly shared?: boolean;
}

export function testIntake({ file, now, egress = [], shared = false, ...ports }: TestIntakeOptions): TestIntake {
  const clock = steeredClock(now);
  const journal = openSqliteJournal({ file, birth: { id: 'jrn_test', at: now, accelerated: true } });
  const committer = groupCommitter(journal, realMachine);
  const store = executionStore(journal);
  const errors: unknown[] = [];
  const runner = createRunner(
    {
      journal,
      members: journal.members,
      machine: realMachine,
      committer,
      store,
      clock,
      closing: new AbortController().signal,
      revokedOf: async () => [],
      onError: (thrown) => errors.push(thrown),
    },
    () => ({
      inFlight: 0,
      isUnderWay: () => false,
      launch: () => undefined,
    }),
  );
  const entries = parseEgressList(egress);
  const { arrivals: _arrivals, ...withoutOrder } = journal;
  const intake = createIntake({
    journal: shared ? withoutOrder : journal,
    committer,
    runner,
    store,
    clock,
    machine: realMachine,
    closing: new AbortController().signal,
    playbooks: {
      active: async () => [],
      load: async (id) => {
        throw new Error(`there is no playbook ${id}`);
      },
    },
    governance: { inForce: async () => ({ policies: [], protectedIdentities: [], perHour: {}, exemptions: [] }) },
    detectionContext: (at) => egressContext(entries, at),
    withPlace: (event) => event,
    onError: (thrown) => errors.push(thrown),
    ...ports,
  });
  return { journal, intake, errors, close: () => journal.close() };
}

/** Everything that was found, without what tells when and in which batch: standing findings and incidents. */
export async function foundIn(journal: Journal): Promise<{ findings: object[]; incidents: object[] }> {
  const all = { limit: 10_000, skip: 0 };
  const findings = (await journal.listViews({ kind: 'finding', ...all })).items
    .map(({ body }) => body as unknown as Finding) // written by the intake from findings
    .filter(({ superseded }) => !superseded)
    .map(
      ({ id, ruleId, subject, severity, confidence, evidence, evidenceCount, firstTime, lastTime, explanation }) => ({
        id,
        ruleId,
        subject,
        severity,
        confidence,
        evidence: evidence.map(({ source, eventId }) => `${source} ${eventId}`),
        evidenceCount,
        firstTime,
        lastTime,
        explanation,
      }),
    );
  const incidents = (await journal.listViews({ kind: 'incident', ...all })).items
    .map((view) => incidentOf(view).incident)
    .map(({ subject, type, severity, confidence, status, summary, details, accounts, sourceIps, findings: own }) => ({
      subject,
      type,
      severity,
      confidence,
      status,
      summary,
      details,
      accounts,
      sourceIps,
      findings: own.filter(({ superseded }) => !superseded).map(({ id }) => id),
    }));
  return { findings: sorted(findings), incidents: sorted(incidents) };
}

function sorted(items: readonly object[]): object[] {
  return [...items].sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}
