import type { Clock } from '../../platform/clock.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Machine } from '../../platform/machine.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { QueuedEffect } from '../../journal/membership.ts';
import type { Delegation } from '../access/delegation.ts';
import type { UserInForce } from '../access/user-in-force.ts';
import type { PeopleDesk } from '../actions/desks.ts';
import type { RecordTrace } from '../audit/record.ts';
import { DELIVERY } from '../executions/change.ts';
import type { NewInput } from '../executions/core/inputs.ts';
import type { ApprovalState } from '../executions/core/state.ts';
import type { ExecutionStore } from '../executions/execution-store.ts';
import type { Teller } from '../executions/runner.ts';
import { isTell, tellOf, type Tell } from '../executions/tells.ts';
import { seqOfTell } from '../tell-of-record.ts';
import { untilStored } from '../executions/until-stored.ts';
import type { Notice, NoticeChannel } from './contract.ts';
import type { Courier, DeadDelivery } from './courier.ts';
import { noticeOf, type Told } from './notice-of.ts';
import { noticeOfStep } from './notice-of-step.ts';
import { noticeOfRecord, RECORDS_LOOKED_AT } from './notice-of-record.ts';
import type { Notices } from './notices.ts';
import type { NoticeState } from './notice-state.ts';
import { countEligible, isAnswerable, recipientsOf, type Staff } from './recipients.ts';
import { backoffMs } from './retry.ts';
import { MAX_READERS, waysOf } from './routing.ts';

/** Entries that are told at the same time while a flood of requests is raised. */
const TELLS_AT_ONCE = 50;

export interface TellerPorts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly journal: Pick<JournalReader, 'readStream'>;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly notices: Notices;
  /** Channels with a way out of here, beside in-app. */
  readonly channels: readonly NoticeChannel[];
  courier(): Courier;
  /** All people who are enabled. */
  people(): Promise<readonly UserInForce[]>;
  /** Delegations that have not ended. Absent: nobody delegates here. */
  delegations?(): Promise<readonly Delegation[]>;
  /** Whether this person wants mail of this kind. */
  wantsEmail(userId: string, kind: Notice['kind']): Promise<boolean>;
  /** Told of an execution that may leave something for people, before they are told of it; may be told of the same again. */
  leaves?(executionId: string): Promise<void>;
  /** Hands an execution what was found out about its request. */
  tellExecution(executionId: string, input: NewInput): Promise<unknown>;
  onError(thrown: unknown): void;
}

/** News of an execution by which it leaves something for people, or what it left is done. */
const LEAVES: ReadonlySet<Tell['kind']> = new Set<Tell['kind']>(['execution.failed', 'execution.left', 'undo.failed']);

/** Makes notices of what people have to be told, and hands them to the courier. */
export interface PeopleTeller extends Teller {
  /** Goes on with queue entries that were left: what was to be told, and notices that were not delivered. */
  bring(owed: readonly QueuedEffect[]): Promise<void>;
  /** Tells those who have a role what a step of an execution says; the same key is told once. */
  tellRoles(message: RolesMessage): Promise<NoticeState>;
  /** Tells the operators that a message reaches nobody. */
  tellOfDead(dead: DeadDelivery): Promise<NoticeState>;
}

/** What a step of an execution says to those who have one of the roles. */
export type RolesMessage = Parameters<PeopleDesk['tell']>[0];

/** The notice of what was told under this key. */
export function toldNoticeId(key: string): string {
  return derivedId('ntc', 'told', key);
}

/** Where a notice comes from: its id derives from `parts`, and `entry` goes with its commit. */
interface Cause {
  readonly parts: readonly string[];
  readonly entry: QueueEntry | null;
  readonly trace: RecordTrace | undefined;
}

type QueueEntry = Pick<QueuedEffect, 'execution' | 'name'>;

/** An entry that is to be told, and how often that failed. */
interface Waiting {
  readonly entry: QueueEntry;
  readonly tries: number;
}

export function createTeller(ports: TellerPorts): PeopleTeller {
  const { clock, closing, store, notices, courier, onError } = ports;
  const configured: ReadonlySet<NoticeChannel> = new Set<NoticeChannel>(['IN_APP', ...ports.channels]);
  /** By the name of their entries: one that is found again while it waits is told once. */
  const waiting = new Map<string, Waiting>();
  let telling = false;

  /** All that waits is told in one go: the people are looked up once for it. */
  async function tellAll(): Promise<void> {
    telling = true;
    while (waiting.size > 0) {
      const batch = [...waiting.values()].slice(0, TELLS_AT_ONCE);
      for (const { entry } of batch) waiting.delete(nameOf(entry));
      const staff = untilStored(ports, everybody);
      await Promise.all(batch.map((each) => tellOrRetry(each, staff)));
    }
    telling = false;
  }

  /** What cannot be told keeps nothing else back, and is tried again as messages are. */
  async function tellOrRetry({ entry, tries }: Waiting, reading: Promise<Staff>): Promise<void> {
    try {
      const staff = await reading;
      await untilStored(ports, () => tellOne(entry, staff));
    } catch (thrown) {
      if (closing.aborted) return;
      onError(thrown);
      void tellLater({ entry, tries: tries + 1 });
    }
  }

  async function tellLater(each: Waiting): Promise<void> {
    await ports.machine.sleep(backoffMs(each.tries), closing);
    if (!closing.aborted) add([each]);
  }

  function add(added: readonly Waiting[]): void {
    for (const each of added) waiting.set(nameOf(each.entry), each);
    if (!telling) void tellAll();
  }

  async function everybody(): Promise<Staff> {
    return { people: await ports.people(), delegations: (await ports.delegations?.()) ?? [] };
  }

  async function tellOne(entry: QueueEntry, staff: Staff): Promise<void> {
    const seq = seqOfTell(entry.name);
    if (seq !== null) return tellRecord(entry, seq, staff);
    const tell = tellOf(entry.name);
    // What a later version queued stays for a process that knows it.
    if (tell === null) return;
    if (LEAVES.has(tell.kind)) await ports.leaves?.(entry.execution);
    const { plan, state, trace } = await store.load(entry.execution);
    const told = noticeOf(plan, state, tell);
    if (told === null) return notices.forget(entry);
    const { audience } = told;
    if (audience.who === 'may-answer') await lookForVoters(entry.execution, audience.approval, staff);
    const parts = told.once ?? [entry.execution, entry.name];
    await raise(told, staff, { parts, entry, trace });
  }

  /** What people have set over all playbooks; the entry's execution is the stream of the record. */
  async function tellRecord(entry: QueueEntry, seq: number, staff: Staff): Promise<void> {
    const after = Math.max(0, seq - RECORDS_LOOKED_AT);
    const records = (await ports.journal.readStream(entry.execution, after)).map(({ record }) => record);
    const upTo = records.filter((record) => record.seq <= seq);
    const told = noticeOfRecord(entry.execution, upTo);
    if (told === null) return notices.forget(entry);
    const trace = upTo.at(-1)?.trace;
    await raise(told, staff, { parts: [entry.execution, entry.name], entry, trace });
  }

  /** A request that nobody can decide is not waited for. */
  async function lookForVoters(executionId: string, approval: ApprovalState, { people }: Staff): Promise<void> {
    if (isAnswerable(approval, people, clock.now())) return;
    const eligible = countEligible(approval, people, clock.now());
    const steps = approval.escalations?.length ?? 0;
    await ports.tellExecution(executionId, { type: 'unanswerable', approvalId: approval.id, eligible, steps });
  }

  async function raise(
    { notice, audience, channels, contacts = [] }: Told,
    staff: Staff,
    cause: Cause,
  ): Promise<NoticeState> {
    const at = clock.now();
    const recipients = recipientsOf(audience, staff, at);
    const readers = await Promise.all(
      recipients.slice(0, MAX_READERS).map(async ({ id, email }) => ({
        userId: id,
        hasEmail: email !== null,
        wantsEmail: await ports.wantsEmail(id, notice.kind),
      })),
    );
    const state = await notices.raise({
      id: derivedId('ntc', ...cause.parts),
      notice,
      ways: [...waysOf({ kind: notice.kind, channels, configured, readers }), ...contacts],
      leftOut: recipients.length - readers.length,
      at,
      trace: cause.trace,
      cause: cause.entry,
    });
    courier().deliver(state);
    return state;
  }

  function tell(execution: string, names: readonly string[]): void {
    add(names.map((name) => ({ entry: { execution, name }, tries: 0 })));
  }

  return {
    tell,
    async bring(owed) {
      for (const { execution, name } of owed) {
        if (isTell(name)) tell(execution, [name]);
        else if (name === DELIVERY) await courier().bring(execution);
      }
    },
    tellRoles: (message) =>
      untilStored(ports, async () => {
        const { plan, state, trace } = await store.load(message.origin.executionId);
        const told = noticeOfStep(plan, state, message);
        return raise(told, await everybody(), { parts: ['told', message.key], entry: null, trace });
      }),
    tellOfDead: (dead) =>
      untilStored(ports, async () => {
        const { state, way, code } = dead;
        const reader = way.contact?.id ?? way.userId ?? '';
        const parts = ['dead', state.id, way.channel, reader, String(state.seq)];
        const told: Told = {
          notice: noticeOfDead(dead),
          audience: { who: 'operators', requester: null },
          channels: ['IN_APP'],
        };
        return raise(told, await everybody(), { parts: [...parts, code], entry: null, trace: undefined });
      }),
  };
}

function nameOf({ execution, name }: QueueEntry): string {
  return `${execution}\n${name}`;
}

/** A message that reaches nobody is itself news, for those who can mend it. */
function noticeOfDead({
  state: { id, notice },
  others,
  way: { channel, userId, contact },
  code,
}: DeadDelivery): Notice {
  return {
    kind: 'delivery.dead',
    severity: notice.severity,
    title: `A message could not be delivered over ${channel}: ${code}`,
    lines: others === 0 ? [notice.title] : [notice.title, `The same message held ${others} other notices.`],
    facts: [{ label: 'Reader', value: contact?.id ?? userId ?? 'all of the channel' }],
    about: { type: 'message', id },
    ask: null,
  };
}
