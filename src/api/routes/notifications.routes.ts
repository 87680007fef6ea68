import { z } from 'zod';
import { many, one } from '../envelope.ts';
import { DEFINITION, ID_PARAMS, MANY, ONE, PAGE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import { NOTICE_CHANNELS } from '../../pipeline/notifications/contract.ts';
import { DELIVERY_STATUSES } from '../../pipeline/notifications/notice-state.ts';
import type { NotificationService } from '../../pipeline/notifications/notifications.service.ts';

const BASE = '/api/notifications';
const tags = ['notifications'];
const status = z.enum(DELIVERY_STATUSES).optional();
const MINE = z.strictObject({ ...PAGE, status });
const DELIVERIES = z.strictObject({ ...PAGE, status, channel: z.enum(NOTICE_CHANNELS).optional() });
const TEST = z.strictObject({ channel: z.enum(NOTICE_CHANNELS) });

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
