import { describe, expect, it } from 'vitest';
import { bearer, harness } from './fake-services.ts';

const json = { 'content-type': 'application/json' };

describe('set-up, people and keys over HTTP', () => {
  it('lets the holder of the token in, once', async () => {
    const { server, services, clock } = await harness();
    const ctx = { traceId: '2'.repeat(32), correlationId: 'c', now: clock.now(), idempotencyKey: null };
    const token = await services.setup.issueToken(ctx, { recovery: true });
    const setup = (given: unknown, name = 'Grace') =>
      server.inject({
        method: 'POST',
        url: '/api/setup',
        headers: json,
        payload: { token: given, user: { name, email: 'Grace@Example.org' } },
      });
    expect((await setup(`fbs_${'x'.repeat(43)}`)).statusCode).toBe(401);
    const done = await setup(token);
    expect(done.statusCode).toBe(201);
    const { data } = done.json<{ data: { user: object; key: { secret: string } } }>();
    expect(data.user).toMatchObject({ email: 'grace@example.org', roles: ['SECURITY_ADMIN'] });
    expect((await server.inject({ url: '/api/users', headers: bearer(data.key.secret) })).statusCode).toBe(200);
    expect((await setup(token, 'Mallory')).statusCode).toBe(409);
    // Whoever did not get the answer asks again.
    expect((await setup(token)).statusCode).toBe(201);
    expect((await server.inject({ url: '/api/users', headers: bearer(data.key.secret) })).statusCode).toBe(401);
  });

  it('limits tries at the set-up token', async () => {
    const { server } = await harness();
    const payload = { token: 'x', user: { name: 'M', email: 'm@example.org' } };
    const statuses: number[] = [];
    for (let tries = 0; tries < 11; tries += 1) {
      statuses.push((await server.inject({ method: 'POST', url: '/api/setup', headers: json, payload })).statusCode);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(409), 429]);
  });

  it('creates, shows, changes and keeps out an account', async () => {
    const { server, adminKey } = await harness();
    const headers = { ...bearer(adminKey), ...json };
    const payload = { name: 'Lin', email: 'lin@example.org', roles: ['SECURITY_ANALYST'], linkedAccounts: ['LIN'] };
    const made = await server.inject({ method: 'POST', url: '/api/users', headers, payload });
    const { data: user } = made.json<{ data: { id: string } }>();
    expect(made.headers['location']).toBe(`/api/users/${user.id}`);
    expect(user).toMatchObject({ _id: user.id, linkedAccounts: ['lin'], createdAt: '2026-01-05T08:00:00.000Z' });
    const key = await server.inject({
      method: 'POST',
      url: '/api/keys',
      headers,
      payload: { userId: user.id, name: 'laptop', scopes: ['incident.read'], expiresInDays: 1 },
    });
    const { data } = key.json<{ data: { secret: string; id: string } }>();
    expect(data).toMatchObject({ expiresAt: '2026-01-06T08:00:00.000Z', scopes: ['incident.read'] });
    expect(key.body).not.toContain('"hash"');
    const asLin = (url: string) => server.inject({ url, headers: bearer(data.secret) });
    expect((await asLin('/api/incidents')).statusCode).toBe(200);
    expect((await asLin('/api/incident-playbooks')).statusCode).toBe(403);
    const listed = await server.inject({ url: `/api/keys?userId=${user.id}`, headers: bearer(adminKey) });
    expect(listed.json()).toMatchObject({ count: 1, total: 1, data: [{ id: data.id }] });
    expect(listed.body).not.toContain('hash');
    const patch = { method: 'PATCH', url: `/api/users/${user.id}`, headers, payload: { disabled: true } } as const;
    expect((await server.inject(patch)).json()).toMatchObject({ data: { disabled: true } });
    expect((await asLin('/api/incidents')).statusCode).toBe(401);
  });

  it('revokes a key at once', async () => {
    const { server, adminKey, keyFor } = await harness();
    const key = await keyFor(['AUDITOR']);
    const { data } = (await server.inject({ url: '/api/keys', headers: bearer(key) })).json<{
      data: { id: string }[];
    }>();
    const url = `/api/keys/${data[0]?.id}`;
    expect((await server.inject({ method: 'DELETE', url, headers: bearer(adminKey) })).statusCode).toBe(200);
    expect((await server.inject({ url: '/api/keys', headers: bearer(key) })).statusCode).toBe(401);
  });
});

describe('health and documentation', () => {
  it('reports the playbooks in the agreed shape', async () => {
    const { server } = await harness();
    expect((await server.inject({ url: '/health/incident-playbooks' })).json()).toEqual({
      status: 'healthy',
      models: {
        incidentPlaybook: true,
        playbookExecution: true,
        playbookApprovalsPolicy: true,
        playbookActionAudit: true,
      },
      executions: { active: 5, pending_approvals: 3 },
    });
  });

  it('describes every route in OpenAPI 3.1, with who may call it', async () => {
    const { server, routes } = await harness();
    const document = (await server.inject({ url: '/docs/json' })).json<{
      openapi: string;
      paths: Record<string, Record<string, { security: object[]; description?: string }>>;
      components: { schemas: object };
    }>();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(['One', 'Many', 'Problem']));
    for (const { method, url, operation } of routes) {
      // Pages are for people, who read them.
      if (
        method === 'HEAD' ||
        /^\/(sign-in|sign-out|invitation|approvals|answer|portal|messages|account|passkeys\.js)(\/|$)/.test(url)
      )
        continue;
      const described = document.paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(described, `${method} ${url}`).toBeDefined();
      expect(described?.security.length).toBe(operation === 'public' ? 0 : 2);
    }
    expect(document.paths['/api/incident-playbooks']?.['post']?.description).toContain('playbook.write');
  });

  it('serves the pages with a policy that runs no inline script', async () => {
    const { server } = await harness();
    const page = await server.inject({ url: '/docs/' });
    expect(page.statusCode).toBe(200);
    expect(String(page.headers['content-security-policy'])).toContain("script-src 'self'");
    expect(String(page.headers['content-security-policy'])).not.toMatch(/script-src[^;]*'unsafe-inline'/);
    const api = await server.inject({ url: '/healthz' });
    expect(api.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(String(api.headers['content-security-policy'])).toContain("default-src 'none'");
  });
});
