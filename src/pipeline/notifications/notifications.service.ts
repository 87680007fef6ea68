import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView, ViewQuery } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { given, shownTime, untilApplied, type Answer, type Listing, type Resource } from '../service.ts';
import { NOTICE_CHANNELS, type NoticeChannel } from './contract.ts';
import type { Notices } from './notices.ts';
import { DELIVERY_STATUSES, type NoticeState } from './notice-state.ts';
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
  /** Brings a notice on its way. */
  deliver(state: NoticeState): void;
}

const ROW = z.looseObject({
  noticeId: z.string(),
  index: z.int(),
  channel: z.enum(NOTICE_CHANNELS),
  userId: z.string().nullable(),
  changedAt: z.int(),
});

/** Builds the service. Who may do what is decided by the routes' operations; whose a notice is, here. */
export function createNotificationService(ports: NotificationPorts): NotificationService {
  const { journal, committer, ids, notices, configured, deliver } = ports;

  async function existing(id: string): Promise<z.infer<typeof ROW>> {
    const view = await journal.view('delivery', id);
    if (view === null) throw new FirebreakError('not_found', `There is no notification ${id}`);
    return ROW.parse(view.body);
  }

  async function list(query: ViewQuery): Promise<Listing> {
    const { items, total } = await journal.longReads.listViews(query);
    return { items: items.map(shown), total };
  }

  async function shownDelivery(id: string): Promise<Answer> {
    const view = await journal.view('delivery', id);
    if (view === null) throw new FirebreakError('not_found', `There is no notification ${id}`);
    return { data: shown(view) };
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
      return shownDelivery(id);
    },
    deliveries: (_ctx, { limit, skip, status, channel }) =>
      list({ kind: 'delivery', limit, skip, ...given({ status, type: channel }) }),
    async resend({ principal, now }, { id }) {
      const { noticeId, index } = await existing(id);
      const change = { type: 'notice.resent', deliveries: [index], data: { by: principal.userId }, at: now } as const;
      const state = await notices.change(noticeId, change, ({ status }) => status === 'DEAD');
      if (state === null) throw new FirebreakError('conflict', 'Only what was given up (status DEAD) is sent again');
      deliver(state);
      return shownDelivery(id);
    },
    async test(ctx, { channel }) {
      const { userId, name } = ctx.principal;
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
      return shownDelivery(`${state.id}.0`);
    },
    async channels() {
      const items = NOTICE_CHANNELS.map((channel) => ({
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

function shown({ id, at, body }: StoredView): Resource {
  const { changedAt, ...row } = ROW.parse(body);
  return { ...(row as Resource), id, raisedAt: shownTime(at), changedAt: shownTime(changedAt) };
}

function shownPreferences({ email }: Preferences): Resource {
  return { id: 'preferences', email };
}
