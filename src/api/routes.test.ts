import { describe, expect, it } from 'vitest';
import { createLog } from '../platform/log.ts';
import { bearer, harness } from './fake-services.ts';

const P = '/api/incident-playbooks';
const hash = 'a'.repeat(64);
const page = { limit: 50, skip: 0 };

/** Each route, what is sent, and what its service is asked. */
const ROUTES: readonly (readonly [string, string, unknown, string, unknown])[] = [
  ['GET', P, null, 'playbooks.list', page],
  ['GET', `${P}/p1`, null, 'playbooks.get', { id: 'p1' }],
  ['POST', P, { _id: 'p1', name: 'p' }, 'playbooks.create', { definition: { playbookId: 'p1', name: 'p' } }],
  ['PUT', `${P}/p1`, { name: 'q' }, 'playbooks.update', { id: 'p1', changes: { name: 'q' }, ifMatch: null }],
  ['DELETE', `${P}/p1`, null, 'playbooks.remove', { id: 'p1', ifMatch: null }],
  ['GET', `${P}/executions?status=FAILED&limit=50`, null, 'executions.list', { ...page, status: 'FAILED' }],
  ['GET', `${P}/executions/e1`, null, 'executions.get', { id: 'e1', view: 'full' }],
  ['GET', `${P}/executions/e1?view=runbook`, null, 'executions.get', { id: 'e1', view: 'runbook' }],
  [
    'POST',
    `${P}/executions/trigger`,
    { playbookId: 'p1', userId: 'CN=Ünal, O=Acme', triggerEvent: { lat: 51.5 }, dryRun: true },
    'executions.trigger',
    { playbookId: 'p1', userId: 'CN=Ünal, O=Acme', triggerEvent: { lat: 51.5 }, context: {}, dryRun: true },
  ],
  ['POST', `${P}/executions/e1/retry`, null, 'executions.retry', { id: 'e1', reason: null }],
  ['POST', `${P}/executions/e1/cancel`, null, 'executions.cancel', { id: 'e1', compensate: false, reason: null }],
  [
    'POST',
    `${P}/executions/e1/cancel`,
    { compensate: true, reason: 'drill' },
    'executions.cancel',
    { id: 'e1', compensate: true, reason: 'drill' },
  ],
  ['GET', `${P}/approvals?executionId=e1`, null, 'approvals.list', { ...page, executionId: 'e1' }],
  ['GET', `${P}/approvals/a1`, null, 'approvals.get', { id: 'a1' }],
  ['POST', `${P}/approvals/a1/approve`, null, 'approvals.approve', { id: 'a1', comment: null, intentHash: null }],
  [
    'POST',
    `${P}/approvals/a1/deny`,
    { reason: 'not him', intentHash: hash },
    'approvals.deny',
    { id: 'a1', comment: 'not him', intentHash: hash },
  ],
  [
    'GET',
    `${P}/audits?riskLevel=HIGH&actionType=GEO_LOCK&userId=u@x.org&playbookId=p1`,
    null,
    'audits.list',
    { ...page, riskLevel: 'HIGH', actionType: 'GEO_LOCK', userId: 'u@x.org', playbookId: 'p1' },
  ],
  ['GET', `${P}/audits/i:1`, null, 'audits.get', { id: 'i:1' }],
  ['GET', `${P}/audits/i:1/records?skip=5`, null, 'audits.records', { id: 'i:1', limit: 50, skip: 5 }],
  ['GET', `${P}/policies?enabled=true`, null, 'policies.list', { ...page, enabled: true }],
  ['GET', `${P}/policies/p1`, null, 'policies.get', { id: 'p1' }],
  ['POST', `${P}/policies`, { name: 'n' }, 'policies.create', { definition: { name: 'n' } }],
  ['GET', `${P}/metrics`, null, 'metrics.read', {}],
  ['GET', '/api/journal', null, 'recovery.read', {}],
  ['POST', '/api/journal/recovery/confirm', { reason: ' ours ' }, 'recovery.confirm', { reason: 'ours' }],
  ['GET', '/api/incidents?severity=CRITICAL&type=CUSTOM', null, 'incidents.list', { ...page, severity: 'CRITICAL' }],
  ['GET', '/api/incidents/i1', null, 'incidents.get', { id: 'i1' }],
  [
    'PATCH',
    '/api/incidents/i1',
    { status: 'FALSE_POSITIVE', reason: 'a drill' },
    'incidents.setStatus',
    { id: 'i1', status: 'FALSE_POSITIVE', reason: 'a drill' },
  ],
];

describe('routes', () => {
  it('ask the right service for the right thing', async () => {
    const { server, adminKey, calls } = await harness();
    for (const [method, url, body, verb, input] of ROUTES) {
      const response = await server.inject({
        method: method as 'GET', // safe: the table above holds methods
        url,
        headers: { ...bearer(adminKey), ...(body === null ? {} : { 'content-type': 'application/json' }) },
        ...(body === null ? {} : { payload: JSON.stringify(body) }),
      });
      expect([200, 201], `${method} ${url}: ${response.body}`).toContain(response.statusCode);
      expect(calls.pop()).toMatchObject({ verb, input });
    }
    expect(calls).toEqual([]);
  });

  it('answer a dry run with 200 and a start with 201 and its place', async () => {
    const { server, adminKey } = await harness();
    const trigger = (dryRun: boolean) =>
      server.inject({
        method: 'POST',
        url: `${P}/executions/trigger`,
        headers: bearer(adminKey),
        payload: { playbookId: 'p', userId: 'u', dryRun },
      });
    expect(await trigger(true)).toMatchObject({ statusCode: 200 });
    expect(await trigger(false)).toMatchObject({ statusCode: 201, headers: { location: `${P}/executions/x1` } });
  });

  it('refuse two ids that differ', async () => {
    const { server, adminKey } = await harness();
    const payload = { _id: 'a', id: 'b' };
    const response = await server.inject({ method: 'POST', url: P, headers: bearer(adminKey), payload });
    expect([response.statusCode, response.json()]).toMatchObject([400, { errors: [{ pointer: '/_id' }] }]);
  });
});

describe('the log', () => {
  it('has one entry for each request with its trace, and the cause of a 500, but no address and no key', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    const broken = (): Promise<never> => Promise.reject(new Error('the real cause'));
    const { server, adminKey } = await harness(({ metrics }) => ({ metrics: { ...metrics, read: broken } }), { log });
    const headers = { ...bearer(adminKey), traceparent: `00-${'c'.repeat(32)}-00f067aa0ba902b7-01` };
    await server.inject({ url: `${P}/metrics?playbookId=private`, headers });
    const entries = lines.map((line): unknown => JSON.parse(line));
    expect(entries).toMatchObject([
      { level: 50, traceId: 'c'.repeat(32), err: { message: 'the real cause' } },
      { level: 30, method: 'GET', route: `${P}/metrics`, status: 500, traceId: 'c'.repeat(32) },
    ]);
    expect(lines.join('')).not.toMatch(/private|fbk_/);
  });
});
