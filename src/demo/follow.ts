import { setTimeout as machineDelay } from 'node:timers/promises';
import { z } from 'zod';
import { RefusedError } from './api-client.ts';
import type { AttackLabel, Labels } from './scenario.ts';
import type { Staff, Voter } from './staff.ts';

/** Watches the executions over the API, votes on what waits for a person, and knows when everything is over. */

/** How often the API is asked, in ms: a person's eye needs no more, and the server has other work. */
const POLL_MS = 250;
/** Nothing is left to happen when nothing was going on for this long after the last event, in ms. */
const QUIET_MS = 2_500;
/** The longest a run may take, in ms of real time, before the demo gives up and says what was missing. */
const LIMIT_MS = 120_000;
const PAGE = 200;

const OVER = [
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'HALTED_BY_APPROVAL',
  'SKIPPED',
  'ROLLED_BACK',
  'COMPENSATION_FAILED',
  'CANCELLED',
];

const ROW = z.looseObject({
  executionId: z.string(),
  playbookType: z.string(),
  incidentId: z.string(),
  userId: z.string(),
  parentExecutionId: z.string().nullable(),
  status: z.string(),
});
const ACTION = z.looseObject({
  actionId: z.string(),
  actionType: z.string(),
  status: z.string(),
  phase: z.string(),
  verification: z.string().nullable(),
  children: z.array(z.looseObject({ id: z.string(), status: z.string().nullable() })),
});
const EXECUTION = z.looseObject({
  status: z.string(),
  records: z.int(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  containedAt: z.string().nullable(),
  stages: z.array(z.looseObject({ stage: z.int(), actions: z.array(ACTION) })),
  timeline: z.array(z.looseObject({ at: z.string() })),
});
const APPROVAL = z.looseObject({
  id: z.string(),
  executionId: z.string(),
  actionType: z.string(),
  purpose: z.string(),
  intentHash: z.string(),
  votes: z.array(z.looseObject({ userId: z.string() })),
});
const INCIDENT = z.looseObject({ firstReceivedAt: z.string() });

export type Execution = z.infer<typeof EXECUTION>;
type Approval = z.infer<typeof APPROVAL>;

/** What is known of one attack's response. */
export interface Progress {
  readonly label: AttackLabel;
  readonly executionId: string | null;
  readonly execution: Execution | null;
  /** People who voted, in the order of their votes, with what they said. */
  readonly votes: readonly string[];
  /** Business time from the first evidence to the last verified containment, ms; null: not contained. */
  readonly businessMs: number | null;
  /** Real time from sending the attack to seeing the execution ended, ms; null: not over. */
  readonly realMs: number | null;
  /** How long it has taken so far, on both clocks, for the live view. */
  readonly soFar: { readonly businessMs: number | null; readonly realMs: number | null };
}

export interface Follower {
  /** Notes that the attack's events are being sent now. */
  attackSent(id: string): void;
  /** Watches and votes until everything is over after `replayed` has resolved. @throws Error after two minutes. */
  run(replayed: Promise<void>, show: (progress: readonly Progress[]) => void): Promise<readonly Progress[]>;
}

interface Watched {
  readonly label: AttackLabel;
  executionId: string | null;
  incidentId: string | null;
  execution: Execution | null;
  readonly votes: string[];
  sentAt: number | null;
  endedAt: number | null;
  receivedAt: number | null;
}

/** How it waits and measures: machine time, given so that tests need none. */
export interface Pace {
  now(): number;
  pause(ms: number): Promise<void>;
}

const REAL_PACE: Pace = { now: () => performance.now(), pause: async (ms) => machineDelay(ms) };

export function createFollower(staff: Staff, labels: Labels, pace: Pace = REAL_PACE): Follower {
  const watched = labels.scenarios.map((label): Watched => ({
    label,
    executionId: null,
    incidentId: null,
    execution: null,
    votes: [],
    sentAt: null,
    endedAt: null,
    receivedAt: null,
  }));

  return {
    attackSent(id) {
      const own = watched.find(({ label }) => label.id === id);
      if (own !== undefined) own.sentAt ??= pace.now();
    },
    async run(replayed, show) {
      let allSent = false;
      let failure: unknown = null;
      replayed.then(
        () => (allSent = true),
        (thrown: unknown) => (failure = thrown),
      );
      const started = pace.now();
      let busyAt = started;
      for (;;) {
        if (failure !== null) throw failure;
        const alive = await look(staff, watched, pace.now());
        const now = pace.now();
        show(watched.map((own) => progressOf(own, now)));
        if (alive || !allSent) busyAt = now;
        const complete = watched.every(({ endedAt }) => endedAt !== null);
        if (allSent && !alive && (complete || now - busyAt > QUIET_MS))
          return watched.map((own) => progressOf(own, now));
        if (now - started > LIMIT_MS) throw new Error(overdueText(watched));
        await pace.pause(POLL_MS);
      }
    },
  };
}

/** One round: rows, details, votes. True while something is going on. */
async function look(staff: Staff, watched: readonly Watched[], now: number): Promise<boolean> {
  const rows = await staff.admin.get(`/api/incident-playbooks/executions?limit=${PAGE}`, z.array(ROW));
  for (const own of watched) {
    const row = rows.find((each) => isOf(own.label, each));
    if (row === undefined || own.endedAt !== null) continue;
    own.executionId = row.executionId;
    own.incidentId = row.incidentId;
    own.execution = await staff.admin.get(`/api/incident-playbooks/executions/${row.executionId}`, EXECUTION);
    own.receivedAt ??= Date.parse(
      (await staff.admin.get(`/api/incidents/${row.incidentId}`, INCIDENT)).firstReceivedAt,
    );
    if (OVER.includes(own.execution.status)) own.endedAt = now;
  }
  const approvals = await staff.admin.get(
    `/api/incident-playbooks/approvals?status=PENDING&limit=${PAGE}`,
    z.array(APPROVAL),
  );
  for (const approval of approvals) {
    // One that came up since the executions were read is answered in the next round, when it is known what it is about.
    if (rows.some(({ executionId }) => executionId === approval.executionId)) await answer(staff, approval, watched);
  }
  return approvals.length > 0 || rows.some(({ status }) => !OVER.includes(status));
}

function isOf(label: AttackLabel, row: z.infer<typeof ROW>): boolean {
  const about = label.accounts.includes(row.userId) || row.userId === label.sourceIp;
  return row.parentExecutionId === null && row.playbookType === label.type && about;
}

/** One vote a round, so that the second person can be seen to be another one. */
async function answer(staff: Staff, approval: Approval, watched: readonly Watched[]): Promise<void> {
  const own = watched.find((each) => each.executionId === approval.executionId);
  const voted = new Set(approval.votes.map(({ userId }) => userId));
  // A question asks whether it was legitimate: it was not. A condition that failed, or a response to something that
  // was no attack, is nothing to wave through.
  const verb = approval.purpose === 'gate' && own !== undefined ? 'approve' : 'deny';
  const people = approval.purpose === 'question' ? [staff.analyst] : staff.approvers;
  const voter = people.find(({ userId }) => !voted.has(userId));
  if (voter === undefined) return;
  if (await vote(voter, approval, verb)) own?.votes.push(`${voter.name} ${verb === 'approve' ? 'approved' : 'denied'}`);
}

async function vote(voter: Voter, approval: Approval, verb: 'approve' | 'deny'): Promise<boolean> {
  const comment = verb === 'approve' ? 'Agreed: the evidence is clear.' : 'Nobody asked for this.';
  const body = { comment, intentHash: approval.intentHash };
  try {
    await voter.client.post(`/api/incident-playbooks/approvals/${approval.id}/${verb}`, body, z.unknown());
    return true;
  } catch (thrown) {
    // It was decided, or changed, between reading and voting: the next round sees what it is now.
    if (thrown instanceof RefusedError && thrown.status === 409) return false;
    throw thrown;
  }
}

function progressOf(own: Watched, now: number): Progress {
  const { label, executionId, execution, votes, sentAt, endedAt, receivedAt } = own;
  const since = (time: string | null | undefined): number | null =>
    typeof time !== 'string' || receivedAt === null ? null : Math.max(0, Date.parse(time) - receivedAt);
  const businessMs = since(execution?.containedAt);
  const realUntil = (until: number | null): number | null =>
    until === null || sentAt === null ? null : Math.round(until - sentAt);
  return {
    label,
    executionId,
    execution,
    votes: [...votes],
    businessMs,
    realMs: realUntil(endedAt),
    soFar: {
      businessMs: endedAt === null ? since(execution?.timeline.at(-1)?.at) : businessMs,
      realMs: execution === null ? null : realUntil(endedAt ?? now),
    },
  };
}

/** Contained: the whole response ran, and its containing actions were read back at the target. */
export function isContained({ execution }: Progress): boolean {
  return execution !== null && execution.status === 'COMPLETED' && execution.containedAt !== null;
}

function overdueText(watched: readonly Watched[]): string {
  const open = watched
    .filter(({ endedAt }) => endedAt === null)
    .map(({ label, execution }) => `${label.id} ${execution === null ? 'has no execution' : `is ${execution.status}`}`);
  return `Not everything was over after ${LIMIT_MS / 1000} s: ${open.join('; ') || 'other executions still run'}`;
}
