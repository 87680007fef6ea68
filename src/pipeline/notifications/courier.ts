import type { Clock } from '../../platform/clock.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Machine } from '../../platform/machine.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { BEAT_MS, type Membership } from '../../journal/membership.ts';
import { loadUser } from '../access/access.store.ts';
import { untilStored } from '../executions/until-stored.ts';
import { putOffs } from '../put-off.ts';
import {
  ALARMS,
  SendError,
  type Notice,
  type OutgoingNotice,
  type OutgoingToContact,
  type Sender,
} from './contract.ts';
import { createLanes, type Sent } from './lanes.ts';
import type { Notices } from './notices.ts';
import type { NoticeState, Result } from './notice-state.ts';
import { backoffMs, MAX_TRIES } from './retry.ts';
import type { Way } from './routing.ts';

/** Longest time of one try, in ms: chat services answer within seconds, and a mail server may look names up. */
const SEND_TIMEOUT_MS = 30_000;

export interface CourierPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly members: Pick<Membership, 'holds' | 'processId'>;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly notices: Notices;
  readonly senders: readonly Sender[];
  /** Messages to one receiver within a minute that go at once. */
  readonly messagesPerMinute: number;
  /** The addresses at which a reader finds the notice and answers it; null where there is none. */
  addressesFor(notice: Notice, userId: string | null): Pick<OutgoingNotice, 'viewUrl' | 'answerUrl'>;
  /** How a regulatory contact can be reached now, and with what. Absent: nobody knows any. */
  contactFor?(way: Way, notice: Notice): Promise<ContactAddress>;
  /** Told of a message that reaches nobody. */
  onDead(dead: DeadDelivery): Promise<unknown>;
  onError(thrown: unknown): void;
}

/** A regulatory contact's address as it is now; or why nothing may go there, a snake_case word. */
export type ContactAddress =
  { readonly to: string; readonly contact: OutgoingToContact } | { readonly refusal: string };

/** A message that is given up. */
export interface DeadDelivery {
  /** The first notice in it. */
  readonly state: NoticeState;
  /** Other notices in it. */
  readonly others: number;
  readonly way: Way;
  readonly code: string;
}

/**
 * Brings notices to their readers. At least once: a receiver that took a message whose answer was lost gets it again, under
 * the same id. Never decides anything.
 */
export interface Courier {
  /** Brings on its way what of a notice is not. Only for notices whose entry this process holds. */
  deliver(state: NoticeState): void;
  /** The same, of a notice that has to be read first: one that cannot be read is looked at again later, and keeps nothing back. */
  bring(noticeId: string): Promise<void>;
}

/** One delivery on its way; those of one lane have the same way. */
interface Item {
  readonly noticeId: string;
  readonly index: number;
  readonly way: Way;
}

/** What a try led to. */
interface Outcome {
  readonly result: Result;
  readonly code: string | null;
  readonly reference: string | null;
  readonly retryAfterMs: number;
}

const OUTDATED: Outcome = { result: 'outdated', code: null, reference: null, retryAfterMs: 0 };

/** An item with the notice that it is of, as it stands. */
interface Open {
  readonly item: Item;
  readonly state: NoticeState;
  readonly tries: number;
}

/** What a look at a delivery shows. */
interface Seen extends Open {
  readonly isOpen: boolean;
  readonly isOver: boolean;
}

const NOTHING_LEFT: Sent<Item> = { again: [], pauseMs: 0 };

export function createCourier(ports: CourierPorts): Courier {
  const { journal, members, machine, clock, closing, notices, onError } = ports;
  const senders = new Map(ports.senders.map((sender) => [sender.channel, sender]));
  const lanes = createLanes<Item>({
    machine,
    monotonic: () => clock.monotonic(),
    closing,
    perMinute: ports.messagesPerMinute,
    send,
  });
  /** Deliveries that are on their way, so that an entry which is found again is not sent twice; with who held each when it was last found. */
  const underWay = new Map<string, string>();
  const failures = putOffs();

  /** Sends one message to one receiver, and records what became of it. */
  async function send(receiver: string, found: readonly Item[]): Promise<Sent<Item>> {
    const own = stillOwn(found);
    const looks = await Promise.all(own.map(look));
    const unreadable = looks.flatMap((each) => ('thrown' in each ? [each] : []));
    for (const { item, thrown } of unreadable) putOff(receiver, item, thrown);
    const read = looks.flatMap((each) => ('thrown' in each ? [] : [each]));
    const items = read.map(({ item }) => item);
    try {
      const { open, outdated } = sortOut(read);
      await settle(outdated, OUTDATED);
      const way = items[0]?.way;
      const outcome = open.length === 0 || way === undefined ? null : await attempt(way, open);
      // Nothing is left to send, or this process ends.
      if (outcome === null || way === undefined) return done(items);
      if (outcome === 'unsure') return { again: leftOf(items, open), pauseMs: BEAT_MS, isUnsent: true };
      const tries = 1 + Math.max(...open.map((each) => each.tries));
      const again = outcome.result === 'failed' && tries < MAX_TRIES;
      const isDead = outcome.result === 'dead' || (outcome.result === 'failed' && !again);
      const first = open[0];
      // Told before it is settled: as long as it is owed, whoever takes over says the same again.
      if (isDead && first !== undefined)
        await ports.onDead({ state: first.state, others: open.length - 1, way, code: outcome.code ?? '' });
      await settle(open, isDead ? { ...outcome, result: 'dead' } : outcome);
      if (!again) return done(items);
      return { again: leftOf(items, open), pauseMs: Math.max(backoffMs(tries), outcome.retryAfterMs) };
    } catch (thrown) {
      // What could not be recorded stays owed.
      for (const item of items) putOff(receiver, item, thrown);
      return NOTHING_LEFT;
    }
  }

  /** Whatever only a bug or a record of another version explains may be mended while this process runs. */
  function putOff(receiver: string, item: Item, thrown: unknown): void {
    if (closing.aborted) return;
    onError(thrown);
    const wait = machine.sleep(failures.failed(nameOf(item.noticeId, item.index)), closing);
    void wait.then(() => {
      if (!closing.aborted) lanes.add(receiver, item);
    });
  }

  /** Without what a process lost that was taken for dead: whoever takes it over sends it, perhaps itself under its new name. */
  function stillOwn(items: readonly Item[]): readonly Item[] {
    done(items.filter((item) => !isOwn(item)));
    return items.filter(isOwn);
  }

  function isOwn({ noticeId, index }: Item): boolean {
    return underWay.get(nameOf(noticeId, index)) === members.processId;
  }

  /** What has to be sent again of what was to be sent. */
  function leftOf(items: readonly Item[], open: readonly Open[]): readonly Item[] {
    const left = open.map(({ item }) => item);
    done(items.filter((item) => !left.includes(item)));
    return left;
  }

  function done(items: readonly Item[]): Sent<Item> {
    for (const { noticeId, index } of items) {
      underWay.delete(nameOf(noticeId, index));
      failures.succeeded(nameOf(noticeId, index));
    }
    return NOTHING_LEFT;
  }

  /** A delivery as it stands now, or why it cannot be read. */
  async function look(item: Item): Promise<Seen | { readonly item: Item; readonly thrown: unknown }> {
    try {
      return await untilStored(ports, async () => {
        const state = await notices.load(item.noticeId);
        const delivery = state.deliveries[item.index];
        const isOpen = delivery?.status === 'PENDING';
        return { item, state, tries: delivery?.tries ?? 0, isOpen, isOver: await isOver(state.notice) };
      });
    } catch (thrown) {
      return { item, thrown };
    }
  }

  /** Whether it asks for what was decided since. */
  async function isOver({ ask }: Notice): Promise<boolean> {
    if (ask === null) return false;
    const view = await journal.view('approval', ask.approvalId);
    const status = (view?.body as { readonly status?: string } | undefined)?.status; // written by `approvalView`
    return status !== 'PENDING';
  }

  /**
   * Null: this process ends. `unsure`: it does not know just now whether it still holds all of the entries; that is known with its
   * next beat.
   */
  async function attempt(way: Way, open: readonly Open[]): Promise<Outcome | 'unsure' | null> {
    const sender = senders.get(way.channel);
    if (sender === undefined) return failed('dead', 'channel_not_configured');
    const address = await untilStored(ports, () => addressOf(way, open));
    if ('refusal' in address) return failed('dead', address.refusal);
    const message = {
      id: derivedId('msg', receiverOf(way), ...open.map(({ state }) => state.id)),
      ...address,
      notices: open.map(({ state: { notice } }) => ({ ...notice, ...ports.addressesFor(notice, way.userId) })),
    };
    if (!members.holds() || !open.every(({ item }) => isOwn(item))) return 'unsure';
    try {
      const { reference } = await sender.send(
        message,
        AbortSignal.any([closing, AbortSignal.timeout(SEND_TIMEOUT_MS)]),
      );
      return { result: 'sent', code: null, reference, retryAfterMs: 0 };
    } catch (thrown) {
      if (closing.aborted) return null;
      if (thrown instanceof SendError)
        return failed(thrown.retryable ? 'failed' : 'dead', thrown.code, thrown.retryAfterMs ?? 0);
      onError(thrown);
      return failed('failed', 'unexpected_error');
    }
  }

  /** An email address as it is now, empty for a channel of many. */
  async function addressOf(
    way: Way,
    [first]: readonly Open[],
  ): Promise<ContactAddress | { readonly to: string; readonly contact?: never }> {
    if (way.contact !== undefined && first !== undefined)
      return (await ports.contactFor?.(way, first.state.notice)) ?? { refusal: 'channel_not_configured' };
    const to = await mailboxOf(way);
    return to === null ? { refusal: 'no_address' } : { to };
  }

  async function mailboxOf({ userId }: Way): Promise<string | null> {
    if (userId === null) return '';
    const user = (await loadUser(journal, userId))?.item;
    return user === undefined || user.disabled ? null : user.email;
  }

  async function settle(settled: readonly Open[], { result, code, reference }: Outcome): Promise<void> {
    const data = { code, reference, result };
    const at = clock.now();
    await Promise.all(
      settled.map(({ item: { noticeId, index } }) => {
        const change = { type: 'notice.tried', deliveries: [index], data, at } as const;
        return untilStored(ports, () => notices.change(noticeId, change, ({ status }) => status === 'PENDING'));
      }),
    );
  }

  const courier: Courier = {
    deliver({ id, deliveries, notice }) {
      for (const [index, { status, channel, userId, contact }] of deliveries.entries()) {
        const name = nameOf(id, index);
        if (status !== 'PENDING') continue;
        const isKnown = underWay.has(name);
        underWay.set(name, members.processId);
        if (isKnown) continue;
        const way: Way = { channel, userId, ...(contact === undefined ? {} : { contact }) };
        // An alarm has a lane of its own: it is in no digest and waits behind nothing. So has what a contact is told: each has its draft.
        const receiver =
          ALARMS.includes(notice.kind) || contact !== undefined ? `${receiverOf(way)}|${id}` : receiverOf(way);
        lanes.add(receiver, { noticeId: id, index, way });
      }
    },
    async bring(noticeId) {
      const holder = members.processId;
      try {
        const state = await untilStored(ports, () => notices.load(noticeId));
        failures.succeeded(noticeId);
        // Taken for dead meanwhile, this process has lost its entry to whoever takes it over, perhaps itself under its new name.
        if (members.processId === holder) courier.deliver(state);
      } catch (thrown) {
        if (closing.aborted) return;
        onError(thrown);
        const wait = machine.sleep(failures.failed(noticeId), closing);
        void wait.then(() => (closing.aborted || members.processId !== holder ? undefined : courier.bring(noticeId)));
      }
    },
  };
  return courier;
}

/** What still has to go out, and what asks for a decision that was taken meanwhile. */
function sortOut(seen: readonly Seen[]): { readonly open: readonly Open[]; readonly outdated: readonly Open[] } {
  const open = seen.filter(({ isOpen }) => isOpen);
  return { open: open.filter((each) => !each.isOver), outdated: open.filter((each) => each.isOver) };
}

function failed(result: 'failed' | 'dead', code: string, retryAfterMs = 0): Outcome {
  return { result, code, reference: null, retryAfterMs };
}

function nameOf(noticeId: string, index: number): string {
  return `${noticeId}.${index}`;
}

function receiverOf({ channel, userId, contact }: Way): string {
  return `${channel}|${userId ?? ''}${contact === undefined ? '' : `|${contact.id}`}`;
}
