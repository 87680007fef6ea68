import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../pipeline/access/operations.ts';
import { ROLES } from '../pipeline/vocabulary.ts';
import { bearer, harness } from './fake-services.ts';

/** A body that each changing route accepts; a route missing here is tested with an empty object. */
const BODIES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['POST /api/incident-playbooks', { name: 'p' }],
  ['POST /api/incident-playbooks/executions/trigger', { playbookId: 'p1', userId: 'u1' }],
  ['PATCH /api/incidents/:id', { status: 'TRIAGED' }],
  ['POST /api/evidence-bundles', { incidentId: 'i1', reason: 'asked for' }],
  ['POST /api/erasures', { account: 'alice', reason: 'asked for' }],
  ['POST /api/erasures/:id/withdraw', { reason: 'r' }],
  ['POST /api/person-exports', { account: 'alice', reason: 'asked for' }],
  ['POST /api/users', { name: 'New', email: 'new@example.org' }],
  ['POST /api/keys', { name: 'laptop' }],
  ['POST /api/events', { id: 'e1' }],
  ['POST /api/evidence/:id/download', { reason: 'r' }],
  ['POST /api/evidence/:id/dispose', { reason: 'r', witness: 'u' }],
  ['POST /api/evidence-holds', { incidentId: 'i', reason: 'r' }],
  ['POST /api/evidence-holds/:id/release', { reason: 'r' }],
  ['POST /api/evidence/:id/transfer', { from: 'a', to: 'b', reason: 'r' }],
  ['POST /api/tasks', { title: 't', draft: 'd', roles: ['LEGAL'] }],
  ['POST /api/tasks/:id/assign', { userId: 'u' }],
  ['PUT /api/tasks/:id/draft', { draft: 'd' }],
  ['PUT /api/tasks/:id/due', { dueAt: null }],
  ['POST /api/tasks/:id/comments', { text: 't' }],
  ['POST /api/tasks/:id/finish', { note: 'n' }],
  ['POST /api/tasks/:id/drop', { reason: 'r' }],
  ['POST /api/notification-drafts', { incidentId: 'i1', regime: 'GDPR' }],
]);

describe('role × route', () => {
  it('lets each role do what the table says, refuses the rest, and asks everybody for a credential', async () => {
    const { server, routes, keyFor } = await harness();
    const guarded = routes.filter(({ operation }) => operation !== 'public');
    expect(guarded.length).toBeGreaterThan(30);
    const wrong: string[] = [];
    for (const kind of ['person', 'service'] as const) {
      for (const role of ROLES) {
        const key = await keyFor([role], kind);
        for (const { method, url, operation } of guarded) {
          if (operation === 'public') continue;
          const rule = OPERATIONS[operation];
          const allowed = rule.roles.includes(role) && !(rule.humanOnly && kind === 'service');
          const response = await server.inject({
            method: method as 'GET', // safe: the name comes from the server's own route table
            url: url.replace(':id', 'x1'),
            headers: { ...bearer(key), 'content-type': 'application/json' },
            ...(method === 'GET' || method === 'HEAD' || method === 'DELETE'
              ? {}
              : { payload: JSON.stringify(BODIES.get(`${method} ${url}`) ?? {}) }),
          });
          const entered = ![401, 403].includes(response.statusCode) && response.statusCode < 500;
          if (entered !== allowed || (!allowed && response.statusCode !== 403)) {
            wrong.push(`${kind} ${role} ${method} ${url}: ${response.statusCode}, the table says ${allowed}`);
          }
        }
      }
    }
    for (const { method, url } of guarded) {
      const response = await server.inject({ method: method as 'GET', url: url.replace(':id', 'x1') });
      if (response.statusCode !== 401) wrong.push(`nobody ${method} ${url}: ${response.statusCode}`);
    }
    expect(wrong).toEqual([]);
  });

  it('has exactly these public routes', async () => {
    const { routes } = await harness();
    const open = routes.filter(({ operation, method }) => operation === 'public' && method !== 'HEAD');
    expect(open.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
      'GET /answer/:token',
      'GET /errors',
      'GET /errors/:code',
      'GET /health/incident-playbooks',
      'GET /healthz',
      'GET /invitation',
      'GET /passkeys.js',
      'GET /portal/:token',
      'GET /readyz',
      'GET /sign-in',
      'GET /sign-in/oidc',
      'GET /sign-in/oidc/callback',
      'POST /answer/:token',
      'POST /api/invitations/accept',
      'POST /api/setup',
      'POST /invitation',
      'POST /portal/:token',
      'POST /sign-in',
    ]);
  });

  it('uses every operation of the table in some route, or checks it in the service of the keys', async () => {
    const { routes } = await harness();
    const used = new Set(routes.map(({ operation }) => operation));
    expect(Object.keys(OPERATIONS).filter((name) => ![...used].some((operation) => operation === name))).toEqual([
      'key.manage',
    ]);
  });

  it('does not start with a route that declares no operation', async () => {
    const { server } = await harness();
    expect(() => server.get('/forgotten', () => 'open')).toThrow('GET /forgotten declares no operation');
  });
});
