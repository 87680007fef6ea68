import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/notifications';

const DELIVERY = z.looseObject({
  id: z.string(),
  kind: z.string(),
  title: z.string(),
  channel: z.string(),
  userId: z.string().nullable(),
  status: z.string(),
  error: z.string().nullable(),
  raisedAt: z.string(),
});
type Delivery = z.infer<typeof DELIVERY>;

/** What you were told, the newest first, one line each. Exit code 0. */
export async function listNotificationsCommand(options: ServerOptions & { readonly unread: boolean }, io: Io) {
  const filter = options.unread ? '&status=UNREAD' : '';
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}${filter}`);
  const notifications = items.map((item) => DELIVERY.parse(item));
  const lines = notifications.map(({ id, status, raisedAt, title }) => `${id}  ${status}  ${raisedAt}  ${title}`);
  say(options, io, { total, notifications }, [...lines, `${total} ${options.unread ? 'not read' : 'in all'}`]);
  return 0;
}

/** Marks one as read, or all (`null`). Exit code 0. @throws what the server refused */
export async function readNotificationsCommand(id: string | null, options: ServerOptions, io: Io): Promise<number> {
  const path = id === null ? `${BASE}/read` : `${BASE}/${encodeURIComponent(id)}/read`;
  const { data } = await apiClient(options.url, io).call('POST', path);
  const said =
    id === null ? `${String(data['read'])} read, ${String(data['unread'])} left` : `${id} ${String(data['status'])}`;
  say(options, io, data, [said]);
  return 0;
}

/** What reached nobody, the newest first. Exit code 0. */
export async function deadNotificationsCommand(options: ServerOptions, io: Io): Promise<number> {
  const path = `${BASE}/deliveries?status=DEAD&limit=${MAX_LISTED}`;
  const { items, total } = await apiClient(options.url, io).call('GET', path);
  const deliveries = items.map((item) => DELIVERY.parse(item));
  say(options, io, { total, deliveries }, [...deliveries.map(lineOf), `${total} reached nobody`]);
  return 0;
}

/** Sends again what was given up. Exit code 0. @throws what the server refused */
export async function resendNotificationCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const path = `${BASE}/deliveries/${encodeURIComponent(id)}/resend`;
  const delivery = DELIVERY.parse((await apiClient(options.url, io).call('POST', path)).data);
  say(options, io, delivery, [lineOf(delivery)]);
  return 0;
}

/** Sends yourself a message over a channel. Exit code 0. @throws what the server refused */
export async function testNotificationCommand(channel: string, options: ServerOptions, io: Io): Promise<number> {
  const body = jsonBody({ channel: channel.toUpperCase() });
  const delivery = DELIVERY.parse((await apiClient(options.url, io).call('POST', `${BASE}/test`, body)).data);
  say(options, io, delivery, [lineOf(delivery)]);
  return 0;
}

function lineOf({ id, channel, userId, status, error, title }: Delivery): string {
  const why = error === null ? '' : ` (${error})`;
  return `${id}  ${channel}  ${userId ?? 'all of the channel'}  ${status}${why}  ${title}`;
}
