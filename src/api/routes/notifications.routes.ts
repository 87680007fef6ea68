import { z } from 'zod';
import { many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import { sendLive } from '../live-reply.ts';
import { CHANNELS } from '../../pipeline/vocabulary.ts';
import { DELIVERY_STATUSES } from '../../pipeline/notifications/notice-state.ts';
import type { NotificationService } from '../../pipeline/notifications/notifications.service.ts';

const BASE = '/api/notifications';
const tags = ['notifications'];
const status = z.enum(DELIVERY_STATUSES).optional();
const MINE = z.strictObject({ ...PAGE, status });
const DELIVERIES = z.strictObject({ ...PAGE, status, channel: z.enum(CHANNELS).optional() });
const LISTENS = z.looseObject({
  // Whoever does not say so would wait for an end that does not come.
  accept: z
    .string()
    .regex(/text\/event-stream/, 'has to be text/event-stream')
    .max(1_000),
  'last-event-id': z
    .string()
    .regex(/^\d{1,15}$/, 'is the id of an event of this stream')
    .transform(Number)
    .optional(),
});
const TEST = z.strictObject({ channel: z.enum(CHANNELS) });

/** What people were told: the own notices, and for those who look after it every way that every notice took. */
export function notificationRoutes(app: ApiServer, notifications: NotificationService): void {
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'What you were told', querystring: MINE, response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => many(await notifications.mine(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'GET',
    url: `${BASE}/channels`,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'Which channels lead out of here', response: { 200: MANY, ...PROBLEMS } },
    handler: async (request) => {
      const listing = await notifications.channels(contextOf(request));
      return many(listing, { limit: listing.total, skip: 0 });
    },
  });
  preferenceRoutes(app, notifications);
  readRoutes(app, notifications);
  liveRoute(app, notifications);
  deliveryRoutes(app, notifications);
  app.route({
    method: 'POST',
    url: `${BASE}/test`,
    config: { operation: 'notification.manage' },
    schema: {
      tags,
      summary: 'Send yourself a message over a channel',
      body: TEST,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await notifications.test(contextOf(request), request.body), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/:id/read`,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'You have read it', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await notifications.read(contextOf(request), request.params), reply),
  });
}

function readRoutes(app: ApiServer, notifications: NotificationService): void {
  app.route({
    method: 'GET',
    url: `${BASE}/unread`,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'How many you have not read', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await notifications.unread(contextOf(request)), reply),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/read`,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'You have read all of them', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await notifications.readAll(contextOf(request)), reply),
  });
}

function liveRoute(app: ApiServer, notifications: NotificationService): void {
  app.addHook('preClose', async () => notifications.endListening());
  app.route({
    method: 'GET',
    url: `${BASE}/stream`,
    // A HEAD of something that does not end says nothing.
    exposeHeadRoute: false,
    config: { operation: 'notification.own' },
    schema: {
      tags,
      summary: 'What you are told, as it happens (server-sent events); goes on behind Last-Event-ID',
      headers: LISTENS,
      response: {
        200: {
          description: 'Events `notice` and `read`; `hello` when it is live, `reset` when the list has to be read anew',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => {
      const after = request.headers['last-event-id'] ?? null;
      const inbox = await notifications.listen(contextOf(request), { after });
      return sendLive(request, reply, inbox);
    },
  });
}

function preferenceRoutes(app: ApiServer, notifications: NotificationService): void {
  app.route({
    method: 'GET',
    url: `${BASE}/preferences`,
    config: { operation: 'notification.own' },
    schema: { tags, summary: 'What you want to hear by mail', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await notifications.getPreferences(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: `${BASE}/preferences`,
    config: { operation: 'notification.own' },
    schema: {
      tags,
      summary: 'Choose what you want to hear by mail; in-app everything is kept',
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) =>
      one(await notifications.setPreferences(contextOf(request), { document: request.body }), reply),
  });
}

function deliveryRoutes(app: ApiServer, notifications: NotificationService): void {
  app.route({
    method: 'GET',
    url: `${BASE}/deliveries`,
    config: { operation: 'notification.manage' },
    schema: {
      tags,
      summary: 'Every way that every notice took; status=DEAD: those that reached nobody',
      querystring: DELIVERIES,
      response: { 200: MANY, ...PROBLEMS },
    },
    handler: async (request) => many(await notifications.deliveries(contextOf(request), request.query), request.query),
  });
  app.route({
    method: 'POST',
    url: `${BASE}/deliveries/:id/resend`,
    config: { operation: 'notification.manage' },
    schema: { tags, summary: 'Send again what was given up', params: ID_PARAMS, response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await notifications.resend(contextOf(request), request.params), reply),
  });
}
