import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, ViewQuery } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { given, untilApplied, type Answer, type Listing, type Resource } from '../service.ts';
import { isContactChannel, type NoticeChannel } from './contract.ts';
import { CHANNELS } from '../vocabulary.ts';
import type { Inbox } from './inbox.ts';
import type { LiveNotices } from './live.ts';
import type { Notices } from './notices.ts';
import { DELIVERY_STATUSES, type NoticeState } from './notice-state.ts';
import { DELIVERY_ROW, shownDelivery } from './shown-delivery.ts';
import { ALL_BY_MAIL, preferenceStream, readPreferences, type Preferences } from './preferences.ts';

/** A page of notices or deliveries. */
export interface DeliveryQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: (typeof DELIVERY_STATUSES)[number] | undefined;
  readonly channel?: NoticeChannel | undefined;
}

export interface NotificationService {
  /** What this person was told, the newest first. */
  mine(ctx: CallContext, query: Pick<DeliveryQuery, 'limit' | 'skip' | 'status'>): Promise<Listing>;
  /** Marks one of the own notices as read. @throws FirebreakError `not_found`. */
  read(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** How many of the own notices are not read yet. */
  unread(ctx: CallContext): Promise<Answer>;
  /** Marks the own notices as read, at most 1,000 at once; answers with how many it were and how many are left. */
  readAll(ctx: CallContext): Promise<Answer>;
  /**
   * Listens to the own notices, from now on or behind the place that the last event named.
   * @throws FirebreakError `rate_limited`, `overloaded`.
   */
  listen(ctx: CallContext, input: { readonly after: number | null }): Promise<Inbox>;
  /** Ends all that listen: the server stops. */
  endListening(): void;
  /** Every way that every notice took; with `status: DEAD` those that reached nobody. */
  deliveries(ctx: CallContext, query: DeliveryQuery): Promise<Listing>;
  /** Sends once more what was given up. @throws FirebreakError `not_found`, `conflict` for what is not dead. */
  resend(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Sends the caller a message over a channel that is configured. @throws FirebreakError `conflict` for one that is not. */
  test(ctx: CallContext, input: { readonly channel: NoticeChannel }): Promise<Answer>;
  /** Which channels have a way out of this installation. */
  channels(ctx: CallContext): Promise<Listing>;
  getPreferences(ctx: CallContext): Promise<Answer>;
  /** @throws FirebreakError `invalid_request` naming the member. */
  setPreferences(ctx: CallContext, input: { readonly document: unknown }): Promise<Answer>;
}

export interface NotificationPorts {
  readonly journal: Pick<JournalReader, 'view' | 'longReads'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly notices: Notices;
  /** Channels with a way out of here, beside in-app. */
  readonly configured: readonly NoticeChannel[];
  readonly live: LiveNotices;
  /** Brings a notice on its way. */
  deliver(state: NoticeState): void;
}

/** Notices that one call marks as read: more than anybody looks through. */
const MAX_READ_AT_ONCE = 1_000;

/** Builds the service. Who may do what is decided by the routes' operations; whose a notice is, here. */
export function createNotificationService(ports: NotificationPorts): NotificationService {
  const { journal, committer, ids, notices, configured, deliver, live } = ports;

  async function existing(id: string): Promise<z.infer<typeof DELIVERY_ROW>> {
    const view = await journal.view('delivery', id);
    if (view === null) throw new FirebreakError('not_found', `There is no notification ${id}`);
    return DELIVERY_ROW.parse(view.body);
  }

  const unreadOf = (userId: string, limit: number) =>
    journal.longReads.listViews({
      kind: 'delivery',
      type: 'IN_APP',
      subject: userId,
      status: 'UNREAD',
      limit,
      skip: 0,
    });

  async function list(query: ViewQuery): Promise<Listing> {
    const { items, total } = await journal.longReads.listViews(query);
    return { items: items.map(shownDelivery), total };
  }

  async function answerOf(id: string): Promise<Answer> {
    const view = await journal.view('delivery', id);
    if (view === null) throw new FirebreakError('not_found', `There is no notification ${id}`);
    return { data: shownDelivery(view) };
  }

  return {
    mine: ({ principal }, { limit, skip, status }) =>
      list({ kind: 'delivery', type: 'IN_APP', subject: principal.userId, limit, skip, ...given({ status }) }),
    async read({ principal, now }, { id }) {
      const { noticeId, index, channel, userId } = await existing(id);
      // Whose it is, is nobody else's business.
      if (channel !== 'IN_APP' || userId !== principal.userId)
        throw new FirebreakError('not_found', `There is no notification ${id}`);
      const change = { type: 'notice.read', deliveries: [index], data: { by: principal.userId }, at: now } as const;
      await notices.change(noticeId, change, ({ status }) => status === 'UNREAD');
      return answerOf(id);
    },
    async unread({ principal }) {
      return { data: { id: 'unread', unread: (await unreadOf(principal.userId, 1)).total } };
    },
    async readAll({ principal, now }) {
      const { userId } = principal;
      const { items, total } = await unreadOf(userId, MAX_READ_AT_ONCE);
      const read = await Promise.all(
        items.map(async ({ body }) => {
          const { noticeId, index } = DELIVERY_ROW.parse(body);
          const change = { type: 'notice.read', deliveries: [index], data: { by: userId }, at: now } as const;
          return (await notices.change(noticeId, change, ({ status }) => status === 'UNREAD')) !== null;
        }),
      );
      return { data: { id: 'unread', read: read.filter(Boolean).length, unread: total - items.length } };
    },
    listen: ({ principal }, { after }) => live.open(principal.userId, after),
    endListening: () => live.end(),
    deliveries: (_ctx, { limit, skip, status, channel }) =>
      list({ kind: 'delivery', limit, skip, ...given({ status, type: channel }) }),
    async resend({ principal, now }, { id }) {
      const { noticeId, index } = await existing(id);
      const change = { type: 'notice.resent', deliveries: [index], data: { by: principal.userId }, at: now } as const;
      const state = await notices.change(noticeId, change, ({ status }) => status === 'DEAD');
      if (state === null) throw new FirebreakError('conflict', 'Only what was given up (status DEAD) is sent again');
      deliver(state);
      return answerOf(id);
    },
    async test(ctx, { channel }) {
      const { userId, name } = ctx.principal;
      if (isContactChannel(channel)) {
        const detail = 'leads to regulatory contacts only: tell one of them by a draft';
        throw new FirebreakError('conflict', `${channel} ${detail}`, [{ pointer: '/channel', detail }]);
      }
      if (channel !== 'IN_APP' && !configured.includes(channel)) {
        const detail = `is not configured here; these are: ${['IN_APP', ...configured].join(', ')}`;
        throw new FirebreakError('conflict', `${channel} ${detail}`, [{ pointer: '/channel', detail }]);
      }
      const isPersonal = channel === 'IN_APP' || channel === 'EMAIL';
      const state = await notices.raise({
        id: ctx.idempotencyKey === null ? ids.next('ntc') : derivedId('ntc', ctx.idempotencyKey),
        notice: {
          kind: 'test',
          severity: 'LOW',
          title: 'A test message from Firebreak',
          lines: [`${name} asked for it. If you can read this, the channel works.`],
          facts: [{ label: 'Channel', value: channel }],
          about: { type: 'test', id: userId },
          ask: null,
        },
        ways: [{ channel, userId: isPersonal ? userId : null }],
        leftOut: 0,
        at: ctx.now,
        trace: recordedTrace(ctx),
        cause: null,
      });
      deliver(state);
      return answerOf(`${state.id}.0`);
    },
    async channels() {
      const items = CHANNELS.map((channel) => ({
        id: channel,
        configured: channel === 'IN_APP' || configured.includes(channel),
      }));
      return { items, total: items.length };
    },
    async getPreferences({ principal }) {
      const view = await journal.view('preference', principal.userId);
      const stored = (view?.body ?? { preferences: ALL_BY_MAIL }) as unknown as { readonly preferences: Preferences };
      return { data: shownPreferences(stored.preferences) }; // written by `setPreferences`
    },
    setPreferences: ({ principal, now, ...call }, { document }) =>
      untilApplied(async () => {
        const read = readPreferences(document);
        if ('faults' in read) throw new FirebreakError('invalid_request', 'The preferences are not valid', read.faults);
        const { userId } = principal;
        const before = await journal.view('preference', userId);
        const version = before?.version ?? 0;
        const data = { by: userId, preferences: read as unknown as Json, version: version + 1 }; // plain JSON by its type
        const trace = recordedTrace({ ...call, now });
        const result = await committer.submit({
          appends: [
            {
              stream: preferenceStream(userId),
              expectedSeq: version,
              records: [{ type: 'preference.saved', v: 1, at: now, trace, data }],
            },
          ],
          views: [
            {
              kind: 'preference',
              id: userId,
              expectedVersion: version,
              at: now,
              body: { preferences: data.preferences },
            },
          ],
        });
        return { result, answer: { data: shownPreferences(read) } };
      }),
  };
}

function shownPreferences({ email }: Preferences): Resource {
  return { id: 'preferences', email };
}
