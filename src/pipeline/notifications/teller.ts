import type { Clock } from '../../platform/clock.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Machine } from '../../platform/machine.ts';
import type { QueuedEffect } from '../../journal/membership.ts';
import type { User } from '../access/access.ts';
import type { Delegation } from '../access/delegation.ts';
import type { RecordTrace } from '../audit/record.ts';
import { DELIVERY } from '../executions/change.ts';
import type { NewInput } from '../executions/core/inputs.ts';
import type { ApprovalState } from '../executions/core/state.ts';
import type { ExecutionStore } from '../executions/execution-store.ts';
import type { Teller } from '../executions/runner.ts';
import { isTell, tellOf } from '../executions/tells.ts';
import { untilStored } from '../executions/until-stored.ts';
import type { Notice, NoticeChannel } from './contract.ts';
import type { Courier, DeadDelivery } from './courier.ts';
import { noticeOf, type Told } from './notice-of.ts';
import type { Notices } from './notices.ts';
import type { NoticeState } from './notice-state.ts';
import { countEligible, isAnswerable, recipientsOf, type Staff } from './recipients.ts';
import { MAX_READERS, waysOf } from './routing.ts';

/** Entries that are told at the same time while a flood of requests is raised. */
const TELLS_AT_ONCE = 50;

export interface TellerPorts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly notices: Notices;
  /** Channels with a way out of here, beside in-app. */
  readonly channels: readonly NoticeChannel[];
  courier(): Courier;
  /** All people who are enabled. */
  people(): Promise<readonly User[]>;
  /** Delegations that have not ended. Absent: nobody delegates here. */
  delegations?(): Promise<readonly Delegation[]>;
  /** Whether this person wants mail of this kind. */
  wantsEmail(userId: string, kind: Notice['kind']): Promise<boolean>;
  /** Hands an execution what was found out about its request. */
  tellExecution(executionId: string, input: NewInput): Promise<unknown>;
  onError(thrown: unknown): void;
}

/** Makes notices of what people have to be told, and hands them to the courier. */
export interface PeopleTeller extends Teller {
  /** Goes on with queue entries that were left: what was to be told, and notices that were not delivered. */
  bring(owed: readonly QueuedEffect[]): Promise<void>;
  /** Tells the operators that a message reaches nobody. */
  tellOfDead(dead: DeadDelivery): Promise<NoticeState>;
}

/** Where a notice comes from: its id derives from `parts`, and `entry` goes with its commit. */
interface Cause {
  readonly parts: readonly string[];
  readonly entry: QueueEntry | null;
  readonly trace: RecordTrace | undefined;
}

type QueueEntry = Pick<QueuedEffect, 'execution' | 'name'>;

export function createTeller(ports: TellerPorts): PeopleTeller {
  const { clock, closing, store, notices, courier, onError } = ports;
  const configured: ReadonlySet<NoticeChannel> = new Set<NoticeChannel>(['IN_APP', ...ports.channels]);
  let waiting: QueueEntry[] = [];
  let telling = false;

  /** All that waits is told in one go: the people are looked up once for it. */
  async function tellAll(): Promise<void> {
    telling = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, TELLS_AT_ONCE);
      waiting = waiting.slice(TELLS_AT_ONCE);
      try {
        await untilStored(ports, async () => {
          const staff = await everybody();
          await Promise.all(batch.map((entry) => tellOne(entry, staff)));
        });
      } catch (thrown) {
        // The entries stay: the next start, or who takes over, tells them.
        if (!closing.aborted) onError(thrown);
      }
    }
    telling = false;
  }

  async function everybody(): Promise<Staff> {
    return { people: await ports.people(), delegations: (await ports.delegations?.()) ?? [] };
  }

  async function tellOne(entry: QueueEntry, staff: Staff): Promise<void> {
    const tell = tellOf(entry.name);
    // What a later version queued stays for a process that knows it.
    if (tell === null) return;
    const { plan, state, trace } = await store.load(entry.execution);
    const told = noticeOf(plan, state, tell);
    if (told === null) return notices.forget(entry);
    const { audience } = told;
    if (audience.who === 'may-answer') await lookForVoters(entry.execution, audience.approval, staff);
    await raise(told, staff, { parts: [entry.execution, entry.name], entry, trace });
  }

  /** A request that nobody can decide is not waited for. */
  async function lookForVoters(executionId: string, approval: ApprovalState, { people }: Staff): Promise<void> {
    if (isAnswerable(approval, people, clock.now())) return;
    const eligible = countEligible(approval, people, clock.now());
    const steps = approval.escalations?.length ?? 0;
    await ports.tellExecution(executionId, { type: 'unanswerable', approvalId: approval.id, eligible, steps });
  }

  async function raise({ notice, audience, channels }: Told, staff: Staff, cause: Cause): Promise<NoticeState> {
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
      ways: waysOf({ kind: notice.kind, channels, configured, readers }),
      leftOut: recipients.length - readers.length,
      at,
      trace: cause.trace,
      cause: cause.entry,
    });
    courier().deliver(state);
    return state;
  }

  function tell(execution: string, names: readonly string[]): void {
    waiting.push(...names.map((name) => ({ execution, name })));
    if (!telling) void tellAll();
  }

  return {
    tell,
    async bring(owed) {
      for (const { execution, name } of owed) {
        if (isTell(name)) tell(execution, [name]);
        else if (name === DELIVERY) courier().deliver(await untilStored(ports, () => notices.load(execution)));
      }
    },
    tellOfDead: (dead) =>
      untilStored(ports, async () => {
        const { state, way, code } = dead;
        const parts = ['dead', state.id, way.channel, way.userId ?? '', String(state.seq)];
        const told: Told = {
          notice: noticeOfDead(dead),
          audience: { who: 'operators', requester: null },
          channels: ['IN_APP'],
        };
        return raise(told, await everybody(), { parts: [...parts, code], entry: null, trace: undefined });
      }),
  };
}

/** A message that reaches nobody is itself news, for those who can mend it. */
function noticeOfDead({ state: { id, notice }, others, way: { channel, userId }, code }: DeadDelivery): Notice {
  return {
    kind: 'delivery.dead',
    severity: notice.severity,
    title: `A message could not be delivered over ${channel}: ${code}`,
    lines: others === 0 ? [notice.title] : [notice.title, `The same message held ${others} other notices.`],
    facts: [{ label: 'Reader', value: userId ?? 'all of the channel' }],
    about: { type: 'message', id },
    ask: null,
  };
}
