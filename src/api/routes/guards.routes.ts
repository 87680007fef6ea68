import { z } from 'zod';
import { ifMatchOf, one } from '../envelope.ts';
import { IF_MATCH } from '../definitions.ts';
import { DEFINITION, ONE, PROBLEMS } from '../schemas.ts';
import { contextOf, type ApiServer } from '../server.ts';
import type { Services } from '../services.ts';

const URL = '/api/guards/protected-identities';
const LIMITS_URL = '/api/guards/blast-radius';
const QUIET_URL = '/api/guards/quiet-hours';
const MATRIX_URL = '/api/guards/decision-matrix';
const PAUSE_URL = '/api/guards/pause';
const tags = ['guards'];
/** Longest reason, in UTF-16 units: a paragraph for the auditor. */
const MAX_REASON = 2_000;
const WORD = z.strictObject({ reason: z.string().trim().min(1).max(MAX_REASON) });

/** Limits over all playbooks and policies. */
export function guardRoutes(app: ApiServer, { guards, pause }: Pick<Services, 'guards' | 'pause'>): void {
  app.route({
    method: 'GET',
    url: PAUSE_URL,
    config: { operation: 'guard.read' },
    schema: {
      tags,
      summary: 'Whether everything that changes something outside is paused, by whom, why, and who has said to resume',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await pause.getPause(contextOf(request)), reply),
  });
  app.route({
    method: 'POST',
    url: PAUSE_URL,
    config: { operation: 'guard.pause' },
    schema: {
      tags,
      summary: 'Pause everything that changes something outside, at once; reads and decisions go on',
      body: WORD,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await pause.pause(contextOf(request), request.body), reply),
  });
  app.route({
    method: 'POST',
    url: '/api/guards/resume',
    config: { operation: 'guard.resume' },
    schema: {
      tags,
      summary: 'Say that what is paused may go on; two people have to, within a quarter of an hour',
      body: WORD,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await pause.resume(contextOf(request), request.body), reply),
  });
  app.route({
    method: 'GET',
    url: LIMITS_URL,
    config: { operation: 'guard.read' },
    schema: {
      tags,
      summary: 'How often an hour may do what an action type does, before a person is asked',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await guards.getBlastRadius(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: LIMITS_URL,
    config: { operation: 'guard.write' },
    schema: {
      tags,
      summary:
        'Replace all limits, as a new version; types that are not named have none, executions under way keep theirs',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await guards.setBlastRadius(contextOf(request), { document: request.body, ifMatch }), reply);
    },
  });
  app.route({
    method: 'GET',
    url: URL,
    config: { operation: 'guard.read' },
    schema: { tags, summary: 'Accounts that nothing contains without a person', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await guards.getProtected(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: URL,
    config: { operation: 'guard.write' },
    schema: {
      tags,
      summary: 'Replace the list, as a new version; executions under way keep theirs',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await guards.setProtected(contextOf(request), { document: request.body, ifMatch }), reply);
    },
  });
  quietRoutes(app, guards);
  matrixRoutes(app, guards);
}

function quietRoutes(app: ApiServer, guards: Services['guards']): void {
  app.route({
    method: 'GET',
    url: QUIET_URL,
    config: { operation: 'guard.read' },
    schema: { tags, summary: 'When actions of small incidents wait, and which', response: { 200: ONE, ...PROBLEMS } },
    handler: async (request, reply) => one(await guards.getQuietHours(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: QUIET_URL,
    config: { operation: 'guard.write' },
    schema: {
      tags,
      summary: 'Replace the quiet hours, as a new version; executions under way keep theirs',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await guards.setQuietHours(contextOf(request), { document: request.body, ifMatch }), reply);
    },
  });
}

function matrixRoutes(app: ApiServer, guards: Services['guards']): void {
  app.route({
    method: 'GET',
    url: MATRIX_URL,
    config: { operation: 'guard.read' },
    schema: {
      tags,
      summary: 'Which severity, action, approvers and regulatory trigger an impact and a confidence ask for',
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => one(await guards.getDecisionMatrix(contextOf(request)), reply),
  });
  app.route({
    method: 'PUT',
    url: MATRIX_URL,
    config: { operation: 'guard.write' },
    schema: {
      tags,
      summary: 'Replace the decision matrix, as a new version; incidents keep what was decided about them',
      headers: IF_MATCH,
      body: DEFINITION,
      response: { 200: ONE, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const ifMatch = ifMatchOf(request.headers['if-match']);
      return one(await guards.setDecisionMatrix(contextOf(request), { document: request.body, ifMatch }), reply);
    },
  });
}
