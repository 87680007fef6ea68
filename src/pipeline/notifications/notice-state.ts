import { z } from 'zod';
import type { Json, JsonObject } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { View } from '../../journal/journal.ts';
import type { JournalRecord } from '../audit/record.ts';
import { CHANNELS, SEVERITIES } from '../vocabulary.ts';
import { ABOUT_TYPES, NOTICE_KINDS, type Notice } from './contract.ts';
import type { Way } from './routing.ts';

/** A notice as its records tell it: what was said, and what became of each way it took. */

/** Name of a notice's stream. */
export function noticeStream(noticeId: string): string {
  return `notice/${noticeId}`;
}

/** `UNREAD` and `READ` are in-app only; the others go out. `OUTDATED`: the request was decided before it could go out. */
export const DELIVERY_STATUSES = ['PENDING', 'SENT', 'DEAD', 'OUTDATED', 'UNREAD', 'READ'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export interface Delivery {
  readonly channel: (typeof CHANNELS)[number];
  readonly userId: string | null;
  /** The regulatory contact that it goes to; absent: it goes to people of the organisation. */
  readonly contact?: Way['contact'];
  readonly status: DeliveryStatus;
  /** Tries since it was raised or sent again. */
  readonly tries: number;
  /** Why the last try failed, a snake_case word; null when it did not. */
  readonly error: string | null;
  /** What the receiver calls it. */
  readonly reference: string | null;
  /** Business time of the last change. */
  readonly at: number;
}

export interface NoticeState {
  readonly id: string;
  readonly notice: Notice;
  /** The execution whose news it is; null where it is of none. */
  readonly executionId: string | null;
  readonly raisedAt: number;
  /** Business time of its newest record. */
  readonly changedAt: number;
  readonly deliveries: readonly Delivery[];
  /** Seq of its newest record. */
  readonly seq: number;
}

const NOTICE = z.strictObject({
  kind: z.enum(NOTICE_KINDS),
  severity: z.enum(SEVERITIES),
  title: z.string(),
  lines: z.array(z.string()),
  facts: z.array(z.strictObject({ label: z.string(), value: z.string() })),
  about: z.strictObject({
    type: z.enum(ABOUT_TYPES),
    id: z.string(),
  }),
  ask: z
    .strictObject({ approvalId: z.string(), executionId: z.string(), intentHash: z.string(), expiresAt: z.int() })
    .nullable(),
});

/** What a try led to; `failed` is tried again. */
export const RESULTS = ['sent', 'failed', 'dead', 'outdated'] as const;
export type Result = (typeof RESULTS)[number];

const STATUS_AFTER: Readonly<Record<Result, DeliveryStatus>> = {
  sent: 'SENT',
  failed: 'PENDING',
  dead: 'DEAD',
  outdated: 'OUTDATED',
};

const WAY = z.looseObject({
  channel: z.enum(CHANNELS),
  userId: z.string().nullable(),
  contact: z
    .looseObject({ id: z.string(), draftHash: z.string(), portalId: z.string().exactOptional() })
    .exactOptional(),
});
const RAISED = z.looseObject({
  cause: z.looseObject({ execution: z.string() }).nullable(),
  notice: NOTICE,
  ways: z.array(WAY),
});
const INDEX = z.int().min(0);
const TRIED = z.looseObject({
  deliveries: z.array(INDEX),
  result: z.enum(RESULTS),
  code: z.string().nullable(),
  reference: z.string().nullable(),
});
const TAKEN_UP = z.looseObject({ deliveries: z.array(INDEX) });

/** A record of a notice; the first has seq 1. */
export type NoticeRecord = Pick<JournalRecord, 'type' | 'data' | 'at' | 'seq'>;

/** The notice after all of its records, oldest first. @throws Error when they are none of a notice. */
export function foldNotice(id: string, records: readonly NoticeRecord[]): NoticeState {
  const [first, ...others] = records;
  invariant(first?.type === 'notice.raised', `notice ${id} begins with notice.raised`);
  const { at, seq } = first;
  const { cause, notice, ways } = RAISED.parse(first.data);
  const executionId = isOfExecution(notice) ? (cause?.execution ?? null) : null;
  const deliveries = ways.map((way) => newDelivery(way, at));
  const raised: NoticeState = { id, notice, executionId, raisedAt: at, changedAt: at, deliveries, seq };
  return others.reduce(foldNext, raised);
}

/** What records of other streams than those of executions tell. */
const TOLD_OF_RECORDS: ReadonlySet<Notice['about']['type']> = new Set([
  'guard',
  'exemption',
  'draft',
  'deadline',
  'evidence',
  'vendor',
]);

/** In the entries of what other streams tell, the stream stands in an execution's place. */
function isOfExecution({ about }: Notice): boolean {
  return !TOLD_OF_RECORDS.has(about.type);
}

function newDelivery({ channel, userId, contact }: Way, at: number): Delivery {
  const status = channel === 'IN_APP' ? 'UNREAD' : 'PENDING';
  const whom = contact === undefined ? {} : { contact };
  return { channel, userId, ...whom, status, tries: 0, error: null, reference: null, at };
}

/** The notice after one record more. @throws Error when it is none of a notice. */
export function foldNext(state: NoticeState, { type, data, at, seq }: NoticeRecord): NoticeState {
  const change = changeOf(type, data, at);
  const { deliveries: touched } = TAKEN_UP.parse(data);
  const deliveries = state.deliveries.map((delivery, index) =>
    touched.includes(index) ? { ...delivery, ...change(delivery), at } : delivery,
  );
  return { ...state, deliveries, seq, changedAt: at };
}

function changeOf(type: string, data: NoticeRecord['data'], at: number): (delivery: Delivery) => Partial<Delivery> {
  switch (type) {
    case 'notice.tried': {
      const { result, code, reference } = TRIED.parse(data);
      return ({ tries }) => ({ status: STATUS_AFTER[result], tries: tries + 1, error: code, reference });
    }
    case 'notice.resent':
      return () => ({ status: 'PENDING', tries: 0, error: null });
    case 'notice.read':
      return () => ({ status: 'READ' });
    default:
      throw new Error(`a notice has no record ${type} (at ${at})`);
  }
}

/** Whether something of it still has to go out. */
export function isOwed({ deliveries }: NoticeState): boolean {
  return deliveries.some(({ status }) => status === 'PENDING');
}

/** The rows of a notice's deliveries, by index. */
export function deliveryViews(state: NoticeState): readonly View[] {
  return state.deliveries.map((_, index) => deliveryView(state, index));
}

/** The row of one delivery. */
export function deliveryView({ id, notice, executionId, raisedAt, deliveries }: NoticeState, index: number): View {
  const delivery = deliveries[index];
  invariant(delivery !== undefined, `notice ${id} has a delivery ${index}`);
  const { status, channel, userId, contact, tries, error, reference, at } = delivery;
  const { kind, severity, about, title } = notice;
  const said = {
    noticeId: id,
    executionId,
    index,
    kind,
    title,
    about,
    channel,
    userId,
    ...(contact === undefined ? {} : { contactId: contact.id }),
  };
  const became = { status, tries, error, reference, changedAt: at };
  const whole: JsonObject = channel === 'IN_APP' ? { notice: notice as unknown as Json } : {}; // plain JSON by its type
  return {
    kind: 'delivery',
    id: `${id}.${index}`,
    expectedVersion: null,
    status,
    type: channel,
    severity,
    subject: userId,
    parent: executionId,
    ref: id,
    at: raisedAt,
    body: { ...said, ...became, ...whole },
  };
}
