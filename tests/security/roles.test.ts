import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_RATE_LIMITS } from '../../src/api/app.ts';
import { bearer, harness } from '../../src/api/fake-services.ts';
import type { DeclaredRoute } from '../../src/api/route-table.ts';
import { OPERATION_NAMES, OPERATIONS, type Operation } from '../../src/pipeline/access/operations.ts';
import { ROLES, type Role } from '../../src/pipeline/vocabulary.ts';
import { type Harness, startHarness, keyFor, ownKey } from '../support/server.ts';

/**
 * Every route of the running server × every role × every kind of credential. What is expected is written here a second time, by
 * hand, on purpose: who widens a right in the product's table, or hangs a route on another operation, has to say so here too.
 */

const EVERYBODY = 'SA IC AN CO IR CI LE AU';
const RESPONDERS = 'SA IC AN IR';
const SHORT: Readonly<Record<string, Role>> = {
  SA: 'SECURITY_ADMIN',
  IC: 'INCIDENT_COMMANDER',
  AN: 'SECURITY_ANALYST',
  CO: 'COMPLIANCE_OFFICER',
  IR: 'IR_LEAD',
  CI: 'CISO',
  LE: 'LEGAL',
  AU: 'AUDITOR',
};

/** Operation → roles; with `people`: for no service account, whatever its roles are. */
const RIGHTS: Readonly<Record<Operation, string>> = {
  'event.ingest': RESPONDERS,
  'incident.read': EVERYBODY,
  'incident.close': RESPONDERS,
  'playbook.read': EVERYBODY,
  'playbook.write': 'SA IR',
  'runbook.sync': 'SA IR',
  'policy.read': EVERYBODY,
  'policy.write': 'SA CI',
  'guard.read': EVERYBODY,
  'guard.write': 'people SA CI',
  'evidence.read': EVERYBODY,
  'evidence.download': `people ${RESPONDERS} CO LE`,
  'evidence.write': `people ${RESPONDERS} CO LE`,
  'evidence.hold': 'people SA IC IR CO LE',
  'evidence.release': 'people SA CI LE',
  'evidence.dispose': 'people SA CO LE',
  'guard.pause': 'people SA CI IC IR',
  'guard.resume': 'people SA CI IC IR',
  'break-glass.declare': 'people SA CI',
  'break-glass.use': 'people SA IC AN CO IR CI LE',
  'break-glass.review': 'people SA CI CO',
  'change.decide': 'people SA CI',
  'exemption.read': EVERYBODY,
  'exemption.write': 'people SA CI',
  'execution.read': EVERYBODY,
  'execution.trigger': RESPONDERS,
  'execution.retry': 'SA IC IR',
  'execution.cancel': 'SA IC IR',
  'execution.release': `people ${RESPONDERS}`,
  'execution.extend': `people ${RESPONDERS}`,
  'approval.read': EVERYBODY,
  'approval.vote': 'people SA IC AN CO IR CI LE',
  'delegation.read': EVERYBODY,
  'delegation.own': `people ${EVERYBODY}`,
  'deadline.read': EVERYBODY,
  'deadline.write': 'people SA IR CO LE',
  'deadline.configure': 'people SA CO LE',
  'breach-register.read': 'SA IR CO LE CI AU',
  'breach-register.write': 'people SA IR CO LE',
  'oncall.read': EVERYBODY,
  'oncall.write': 'people SA CI',
  'inventory.read': EVERYBODY,
  'inventory.write': 'SA CI IR',
  'vendor.read': EVERYBODY,
  'vendor.write': 'people SA CI CO LE',
  'vendor.escalate': `people ${RESPONDERS} CI CO LE`,
  'lawful-basis.read': EVERYBODY,
  'lawful-basis.write': 'people SA CO LE',
  'task.read': EVERYBODY,
  'task.work': 'people SA IC AN CO IR CI LE',
  'notification.own': `people ${EVERYBODY}`,
  'notification.manage': 'people SA CI IR',
  'contact.read': 'SA IC IR CO CI LE AU',
  'contact.write': 'people SA CI CO',
  'draft.read': 'SA IC IR CO CI LE AU',
  'draft.write': 'people SA IC IR CO CI LE',
  'draft.approve': 'people SA CO CI LE',
  'erasure.read': 'SA CI CO LE AU',
  'erasure.write': 'people SA CO LE',
  'person.export': 'people SA CO LE',
  'evidence.export': 'people SA IC IR CI CO LE',
  'audit.read': EVERYBODY,
  'journal.recover': 'people SA CI',
  'metrics.read': EVERYBODY,
  'user.read': 'SA CI CO AU',
  'user.manage': 'people SA CI',
  'session.own': `people ${EVERYBODY}`,
  'passkey.own': `people ${EVERYBODY}`,
  'key.own': `people ${EVERYBODY}`,
  'key.manage': 'people SA CI',
};

/** Route → operation; the answer to HEAD is that to GET. */
const ROUTES: Readonly<Record<string, Operation | 'public'>> = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /health/incident-playbooks': 'public',
  'GET /errors': 'public',
  'GET /errors/:code': 'public',
  'POST /api/setup': 'public',
  'GET /sign-in': 'public',
  'POST /sign-in': 'public',
  'POST /sign-out': 'session.own',
  'GET /invitation': 'public',
  'POST /invitation': 'public',
  'GET /sign-in/oidc': 'public',
  'GET /sign-in/oidc/callback': 'public',
  'GET /approvals': 'approval.read',
  'GET /approvals/:id': 'approval.read',
  'POST /approvals/:id/vote': 'approval.vote',
  'POST /approvals/:id/withdraw': 'approval.vote',
  'GET /answer/:token': 'public',
  'POST /answer/:token': 'public',
  'GET /api/sessions': 'session.own',
  'DELETE /api/sessions/:id': 'session.own',
  'GET /api/passkeys': 'passkey.own',
  'GET /api/passkeys/options': 'passkey.own',
  'POST /api/passkeys': 'passkey.own',
  'PATCH /api/passkeys/:id': 'passkey.own',
  'DELETE /api/passkeys/:id': 'passkey.own',
  'GET /api/users/:id/passkeys': 'user.read',
  'DELETE /api/users/:id/passkeys/:passkeyId': 'user.manage',
  'GET /account': 'session.own',
  'GET /passkeys.js': 'public',
  'POST /account/password': 'session.own',
  'POST /account/sessions': 'session.own',
  'POST /account/passkeys': 'passkey.own',
  'POST /api/users/:id/invitations': 'user.manage',
  'POST /api/invitations/accept': 'public',
  'POST /api/password': 'session.own',
  'GET /api/users': 'user.read',
  'POST /api/users': 'user.manage',
  'GET /api/users/:id': 'user.read',
  'PATCH /api/users/:id': 'user.manage',
  'GET /api/groups': 'user.read',
  'POST /api/groups': 'user.manage',
  'GET /api/groups/:id': 'user.read',
  'PATCH /api/groups/:id': 'user.manage',
  'DELETE /api/groups/:id': 'user.manage',
  'PUT /api/groups/:id/members/:userId': 'user.manage',
  'DELETE /api/groups/:id/members/:userId': 'user.manage',
  'GET /api/roles': 'user.read',
  'POST /api/roles': 'user.manage',
  'GET /api/roles/:id': 'user.read',
  'PATCH /api/roles/:id': 'user.manage',
  'DELETE /api/roles/:id': 'user.manage',
  'GET /api/keys': 'key.own',
  'POST /api/keys': 'key.own',
  'DELETE /api/keys/:id': 'key.own',
  'POST /api/events': 'event.ingest',
  'POST /api/evidence-bundles': 'evidence.export',
  'GET /api/evidence-bundles/:id': 'evidence.export',
  'GET /api/incidents': 'incident.read',
  'GET /api/incidents/:id': 'incident.read',
  'PATCH /api/incidents/:id': 'incident.close',
  'GET /api/incident-playbooks/executions': 'execution.read',
  'GET /api/incident-playbooks/executions/:id': 'execution.read',
  'POST /api/incident-playbooks/executions/trigger': 'execution.trigger',
  'POST /api/incident-playbooks/executions/:id/retry': 'execution.retry',
  'POST /api/incident-playbooks/executions/:id/cancel': 'execution.cancel',
  'POST /api/incident-playbooks/executions/:id/actions/:actionId/release': 'execution.release',
  'POST /api/incident-playbooks/executions/:id/actions/:actionId/extend': 'execution.extend',
  'GET /api/incident-playbooks/approvals': 'approval.read',
  'GET /api/incident-playbooks/approvals/:id': 'approval.read',
  'GET /api/incident-playbooks/approvals/:id/passkey-options': 'approval.vote',
  'POST /api/incident-playbooks/approvals/:id/approve': 'approval.vote',
  'POST /api/incident-playbooks/approvals/:id/deny': 'approval.vote',
  'POST /api/incident-playbooks/approvals/:id/withdraw': 'approval.vote',
  'GET /api/evidence': 'evidence.read',
  'GET /api/evidence/:id': 'evidence.read',
  'POST /api/evidence': 'evidence.write',
  'POST /api/evidence/:id/download': 'evidence.download',
  'POST /api/evidence/:id/transfer': 'evidence.write',
  'POST /api/evidence/:id/verify': 'evidence.write',
  'POST /api/evidence/:id/dispose': 'evidence.dispose',
  'GET /api/evidence-holds': 'evidence.read',
  'POST /api/evidence-holds': 'evidence.hold',
  'POST /api/evidence-holds/:id/release': 'evidence.release',
  'GET /api/delegations': 'delegation.read',
  'GET /api/delegations/:id': 'delegation.read',
  'POST /api/delegations': 'delegation.own',
  'POST /api/delegations/:id/revoke': 'delegation.own',
  'GET /api/lawful-basis': 'lawful-basis.read',
  'PUT /api/lawful-basis': 'lawful-basis.write',
  'GET /api/tasks': 'task.read',
  'POST /api/tasks': 'task.work',
  'GET /api/tasks/:id': 'task.read',
  'POST /api/tasks/:id/claim': 'task.work',
  'POST /api/tasks/:id/assign': 'task.work',
  'POST /api/tasks/:id/release': 'task.work',
  'POST /api/tasks/:id/comments': 'task.work',
  'POST /api/tasks/:id/finish': 'task.work',
  'POST /api/tasks/:id/drop': 'task.work',
  'PUT /api/tasks/:id/draft': 'task.work',
  'PUT /api/tasks/:id/due': 'task.work',
  'GET /api/deadlines': 'deadline.read',
  'POST /api/deadlines': 'deadline.write',
  'GET /api/deadlines/:id': 'deadline.read',
  'POST /api/deadlines/:id/events': 'deadline.write',
  'POST /api/deadlines/:id/extend': 'deadline.write',
  'POST /api/deadlines/:id/pause': 'deadline.write',
  'POST /api/deadlines/:id/resume': 'deadline.write',
  'POST /api/deadlines/:id/submit': 'deadline.write',
  'POST /api/deadlines/:id/not-applicable': 'deadline.write',
  'GET /api/deadline-rules': 'deadline.read',
  'GET /api/deadline-rules/:id': 'deadline.read',
  'POST /api/deadline-rules/:id/confirm': 'deadline.configure',
  'GET /api/deadline-settings': 'deadline.read',
  'PUT /api/deadline-settings': 'deadline.configure',
  'GET /api/deadline-applicability/:id': 'deadline.read',
  'PUT /api/deadline-applicability/:id': 'deadline.write',
  'GET /api/breach-register': 'breach-register.read',
  'GET /api/breach-register/export': 'breach-register.read',
  'GET /api/breach-register/:id': 'breach-register.read',
  'PUT /api/breach-register/:id': 'breach-register.write',
  'GET /api/runbooks': 'playbook.read',
  'GET /api/runbooks/:id': 'playbook.read',
  'PUT /api/runbooks/:id': 'playbook.write',
  'DELETE /api/runbooks/:id': 'playbook.write',
  'POST /api/event-plans': 'execution.trigger',
  'GET /api/runbook-source': 'playbook.read',
  'POST /api/runbook-source/sync': 'runbook.sync',
  'GET /api/oncall/schedules': 'oncall.read',
  'GET /api/oncall/schedules/:id': 'oncall.read',
  'GET /api/oncall/schedules/:id/who': 'oncall.read',
  'PUT /api/oncall/schedules/:id': 'oncall.write',
  'POST /api/person-exports': 'person.export',
  'GET /api/erasures': 'erasure.read',
  'GET /api/erasures/:id': 'erasure.read',
  'POST /api/erasures': 'erasure.write',
  'POST /api/erasures/:id/confirm': 'erasure.write',
  'POST /api/erasures/:id/withdraw': 'erasure.write',
  'GET /api/regulatory-contacts': 'contact.read',
  'GET /api/regulatory-contacts/:id': 'contact.read',
  'PUT /api/regulatory-contacts/:id': 'contact.write',
  'POST /api/regulatory-contacts/:id/verify': 'contact.write',
  'POST /api/regulatory-contacts/:id/revoke': 'contact.write',
  'GET /api/notification-drafts': 'draft.read',
  'POST /api/notification-drafts': 'draft.write',
  'GET /api/notification-drafts/:id': 'draft.read',
  'PUT /api/notification-drafts/:id': 'draft.write',
  'POST /api/notification-drafts/:id/approve': 'draft.approve',
  'POST /api/notification-drafts/:id/submissions': 'draft.write',
  'POST /api/notification-drafts/:id/tell': 'draft.write',
  'POST /api/notification-drafts/:id/withdraw': 'draft.write',
  'GET /api/portal-messages': 'draft.read',
  'GET /api/portal-messages/:id': 'draft.read',
  'POST /api/portal-messages/:id/code': 'draft.write',
  'POST /api/portal-messages/:id/revoke': 'draft.write',
  'GET /portal/:token': 'public',
  'POST /portal/:token': 'public',
  'GET /messages/:id': 'session.own',
  'POST /messages/:id': 'session.own',
  'GET /api/incident-playbooks/audits': 'audit.read',
  'GET /api/incident-playbooks/audits/:id': 'audit.read',
  'GET /api/incident-playbooks/audits/:id/records': 'audit.read',
  'GET /api/incident-playbooks/policies': 'policy.read',
  'POST /api/incident-playbooks/policies': 'policy.write',
  'POST /api/incident-playbooks/policies/evaluate': 'policy.read',
  'GET /api/incident-playbooks/policies/:id': 'policy.read',
  'PUT /api/incident-playbooks/policies/:id': 'policy.write',
  'GET /api/guards/protected-identities': 'guard.read',
  'PUT /api/guards/protected-identities': 'guard.write',
  'GET /api/guards/blast-radius': 'guard.read',
  'PUT /api/guards/blast-radius': 'guard.write',
  'GET /api/vendors': 'vendor.read',
  'GET /api/vendors/:id': 'vendor.read',
  'PUT /api/vendors/:id': 'vendor.write',
  'POST /api/vendors/:id/escalate': 'vendor.escalate',
  'GET /api/vendors/escalations': 'vendor.read',
  'GET /api/vendors/escalations/:id': 'vendor.read',
  'POST /api/vendors/escalations/:id/acknowledge': 'vendor.escalate',
  'GET /api/incidents/:id/affected': 'vendor.read',
  'GET /api/inventory': 'inventory.read',
  'PUT /api/inventory': 'inventory.write',
  'GET /api/inventory/assets': 'inventory.read',
  'GET /api/inventory/assets/:type/:id': 'inventory.read',
  'GET /api/guards/decision-matrix': 'guard.read',
  'PUT /api/guards/decision-matrix': 'guard.write',
  'GET /api/guards/quiet-hours': 'guard.read',
  'PUT /api/guards/quiet-hours': 'guard.write',
  'GET /api/guards/pause': 'guard.read',
  'POST /api/guards/pause': 'guard.pause',
  'POST /api/guards/resume': 'guard.resume',
  'GET /api/guards/break-glass': 'guard.read',
  'POST /api/guards/break-glass': 'break-glass.declare',
  'POST /api/guards/break-glass/confirm': 'break-glass.declare',
  'POST /api/guards/break-glass/revoke': 'break-glass.declare',
  'POST /api/incident-playbooks/approvals/:id/break-glass': 'break-glass.use',
  'GET /api/break-glass': 'audit.read',
  'POST /api/break-glass/:id/review': 'break-glass.review',
  'GET /api/changes': 'policy.read',
  'GET /api/changes/:id': 'policy.read',
  'POST /api/changes/:id/confirm': 'change.decide',
  'POST /api/changes/:id/reject': 'change.decide',
  'GET /api/exemptions': 'exemption.read',
  'POST /api/exemptions': 'exemption.write',
  'GET /api/exemptions/:id': 'exemption.read',
  'POST /api/exemptions/:id/confirm': 'exemption.write',
  'POST /api/exemptions/:id/revoke': 'exemption.write',
  'GET /api/notifications': 'notification.own',
  'GET /api/notifications/channels': 'notification.own',
  'GET /api/notifications/preferences': 'notification.own',
  'PUT /api/notifications/preferences': 'notification.own',
  'POST /api/notifications/:id/read': 'notification.own',
  'GET /api/notifications/unread': 'notification.own',
  'POST /api/notifications/read': 'notification.own',
  'GET /api/notifications/stream': 'notification.own',
  'POST /api/notifications/test': 'notification.manage',
  'GET /api/notifications/deliveries': 'notification.manage',
  'POST /api/notifications/deliveries/:id/resend': 'notification.manage',
  'GET /api/incident-playbooks/metrics': 'metrics.read',
  'GET /api/journal': 'audit.read',
  'POST /api/journal/recovery/confirm': 'journal.recover',
  'GET /api/incident-playbooks': 'playbook.read',
  'POST /api/incident-playbooks': 'playbook.write',
  'GET /api/incident-playbooks/:id': 'playbook.read',
  'PUT /api/incident-playbooks/:id': 'playbook.write',
  'DELETE /api/incident-playbooks/:id': 'playbook.write',
};

type Kind = 'person' | 'service';
const nameOf = ({ method, url }: DeclaredRoute): string => `${method === 'HEAD' ? 'GET' : method} ${url}`;

/** @throws when nobody wrote down who may call the route: a new one fails here until it has an entry. */
function isAllowed(route: DeclaredRoute, role: Role, kind: Kind): boolean {
  const operation = ROUTES[nameOf(route)];
  if (operation === undefined) throw new Error(`${nameOf(route)} has no entry in tests/security/roles.test.ts`);
  if (operation === 'public') return true;
  const words = RIGHTS[operation].split(' ');
  return words.some((word) => SHORT[word] === role) && !(words.includes('people') && kind === 'service');
}

/** What a request is answered, as far as rights go. An address that does not exist and an empty body do no harm. */
const rightOf = (status: number): 'allowed' | 401 | 403 => (status === 401 || status === 403 ? status : 'allowed');
const pathOf = ({ url }: DeclaredRoute): string => url.replaceAll(/:\w+/g, 'x1');
const bodyOf = ({ method }: DeclaredRoute): object | undefined =>
  ['GET', 'HEAD', 'DELETE'].includes(method) ? undefined : {};

let house: Harness;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => house.stop());

/** A link is its own proof, and wrong ones are counted as wrong keys are: tests/api/answer-link.test.ts, tests/pages/portal.test.ts. */
const asksForRights = ({ url }: DeclaredRoute): boolean => !['/answer/:token', '/portal/:token'].includes(url);

async function rightAt(route: DeclaredRoute, key: string | null, from = '192.0.2.1'): Promise<'allowed' | 401 | 403> {
  const api = key === null ? house.anonymous : house.apiOf(key);
  const { status, text } = await api(route.method, pathOf(route), bodyOf(route), { 'x-forwarded-for': from });
  if (status >= 500) throw new Error(`${nameOf(route)} answered ${status}: ${text}`);
  return rightOf(status);
}

/** What every route answers to a key, beside what is expected; empty when all is as written. */
async function differences(key: string | null, expected: (route: DeclaredRoute) => 'allowed' | 401 | 403) {
  const wrong: string[] = [];
  for (const route of house.routes.filter(asksForRights)) {
    const right = await rightAt(route, key);
    if (right !== expected(route)) wrong.push(`${route.method} ${route.url}: ${right}, not ${expected(route)}`);
  }
  return wrong;
}

describe('the tables', () => {
  it('name every route of the running server and no other, each with its operation', () => {
    const served = house.routes.map((route) => [nameOf(route), route.operation] as const);
    expect(Object.fromEntries(served)).toEqual(ROUTES);
  });

  it('give every operation to the same roles as the product does', () => {
    const given = OPERATION_NAMES.map((name) => {
      const { roles, humanOnly } = OPERATIONS[name];
      return [name, { roles: [...roles].sort(), humanOnly }];
    });
    const written = Object.entries(RIGHTS).map(([name, words]) => {
      const roles = words.split(' ').flatMap((word) => SHORT[word] ?? []);
      return [name, { roles: roles.sort(), humanOnly: words.includes('people') }];
    });
    expect(Object.fromEntries(given)).toEqual(Object.fromEntries(written));
    expect(new Set(Object.values(SHORT))).toEqual(new Set(ROLES));
  });

  it('have no route without an operation, nor one for whoever comes', () => {
    const unknown: DeclaredRoute = { method: 'POST', url: '/api/new', operation: 'playbook.write' };
    expect(() => isAllowed(unknown, 'AUDITOR', 'person')).toThrow('has no entry');
  });
});

describe.each(ROLES)('%s', (role) => {
  it.each(['person', 'service'] as const)('as a %s may do what is written, and nothing else', async (kind) => {
    const account = kind === 'person' ? await house.person(role) : await house.service(role);
    expect(await differences(account.key, (route) => (isAllowed(route, role, kind) ? 'allowed' : 403))).toEqual([]);
  });

  it('with a key for one thing may do that and nothing else', async () => {
    const person = await house.person(role);
    const own = await person.api('POST', '/api/keys', { name: 'narrow', scopes: ['incident.read'] });
    const narrow = (route: DeclaredRoute) => ['public', 'incident.read'].includes(ROUTES[nameOf(route)] ?? '');
    expect(await differences(own.body.data.secret, (route) => (narrow(route) ? 'allowed' : 403))).toEqual([]);
    const other = await person.api('POST', '/api/keys', { name: 'narrow', scopes: ['metrics.read'] });
    const reads = house.routes.find(({ operation }) => operation === 'incident.read');
    expect(reads === undefined ? null : await rightAt(reads, other.body.data.secret)).toBe(403);
  });
});

describe('a role of the organisation', () => {
  const FEW: readonly Operation[] = ['incident.read', 'approval.vote', 'playbook.write', 'user.manage', 'key.own'];
  const made = (name: string, operations: readonly Operation[]) =>
    house.admin.api('POST', '/api/roles', { name, operations });
  const allows = (few: readonly Operation[], kind: Kind) => (route: DeclaredRoute) => {
    const operation = ROUTES[nameOf(route)] ?? 'public';
    if (operation === 'public') return 'allowed';
    const forPeople = RIGHTS[operation].startsWith('people');
    return few.includes(operation) && !(forPeople && kind === 'service') ? 'allowed' : 403;
  };

  it.each(['person', 'service'] as const)(
    'with a few operations lets a %s do these, and nothing else',
    async (kind) => {
      expect((await made(`FEW_FOR_${kind.toUpperCase()}`, FEW)).status).toBe(201);
      const account = await accountWith(kind, [`FEW_FOR_${kind.toUpperCase()}`]);
      expect(await differences(account, allows(FEW, kind))).toEqual([]);
    },
  );

  it.each(['person', 'service'] as const)('without operations lets a %s do what is public', async (kind) => {
    expect((await made(`NONE_FOR_${kind.toUpperCase()}`, [])).status).toBe(201);
    expect(await differences(await accountWith(kind, [`NONE_FOR_${kind.toUpperCase()}`]), allows([], kind))).toEqual(
      [],
    );
  });

  it('lets people do the same where a group gives it, and nothing any more once they are out of it', async () => {
    expect((await made('FEW_BY_GROUP', FEW)).status).toBe(201);
    const group = await house.admin.api('POST', '/api/groups', { name: 'few', roles: ['FEW_BY_GROUP'] });
    const user = { name: 'In A Group', email: 'grouped@soc.example', groups: [group.body.data.id] };
    const person = await house.admin.api('POST', '/api/users', user);
    const key = await ownKey({ admin: house.admin.api, anonymous: house.anonymous }, person.body.data.id);
    expect(await differences(key, allows(FEW, 'person'))).toEqual([]);
    const out = `/api/groups/${group.body.data.id}/members/${person.body.data.id}`;
    expect((await house.admin.api('DELETE', out)).status).toBe(200);
    expect(await differences(key, allows([], 'person'))).toEqual([]);
  });

  it('beside each built-in role adds what it names and takes nothing away', async () => {
    expect((await made('ADDS_METRICS_AND_EVENTS', ['metrics.read', 'event.ingest'])).status).toBe(201);
    for (const role of ROLES) {
      const key = await accountWith('person', [role, 'ADDS_METRICS_AND_EVENTS']);
      const either = (route: DeclaredRoute) =>
        isAllowed(route, role, 'person') || ['metrics.read', 'event.ingest'].includes(ROUTES[nameOf(route)] ?? '');
      expect([role, await differences(key, (route) => (either(route) ? 'allowed' : 403))]).toEqual([role, []]);
    }
  });

  /** The key of a new account. */
  async function accountWith(kind: Kind, roles: readonly string[]): Promise<string> {
    const email = kind === 'person' ? `${roles.join('-').toLowerCase()}@soc.example` : null;
    const account = await house.admin.api('POST', '/api/users', { kind, name: 'Own', email, roles });
    const { id } = account.body.data;
    const { admin, anonymous } = house;
    return kind === 'person' ? ownKey({ admin: admin.api, anonymous }, id) : keyFor(admin.api, id);
  }
});

describe('nobody', () => {
  it('without a credential may do more than is public', async () => {
    expect(await differences(null, (route) => (route.operation === 'public' ? 'allowed' : 401))).toEqual([]);
  });

  it('with a revoked key may, of whichever role: on the running server each route that changes something with one of them', async () => {
    const keys = await Promise.all(
      ROLES.map(async (role) => {
        const { id, key } = await house.person(role);
        const { body } = await house.admin.api('GET', `/api/keys?userId=${id}`);
        for (const { _id } of body.data) expect((await house.admin.api('DELETE', `/api/keys/${_id}`)).status).toBe(200);
        return key;
      }),
    );
    // Beyond 60 wrong keys a minute an address hears 429, so that these are the routes that change something, from two addresses.
    const changes = house.routes.filter(({ method }) => method !== 'HEAD' && method !== 'GET');
    const guarded = changes.filter(({ operation }) => operation !== 'public');
    expect(guarded.length).toBeGreaterThan(20);
    expect(guarded.length).toBeLessThan(120);
    for (const [index, route] of guarded.entries())
      expect([
        route.url,
        await rightAt(route, keys[index % keys.length] ?? null, `192.0.2.${2 + (index % 2)}`),
      ]).toEqual([route.url, 401]);
  });

  it('with a revoked key may, of whichever role: each route with all of them, on the same routes without a network', async () => {
    const rateLimits = { ...DEFAULT_RATE_LIMITS, failuresPerMinute: 1_000_000 };
    const app = await harness(() => ({}), { rateLimits });
    expect(app.routes).toEqual(house.routes);
    const wrong: string[] = [];
    for (const role of ROLES) {
      const key = await app.keyFor([role]);
      const principal = await app.services.access.authenticate(key, app.clock.now());
      const url = `/api/keys/${principal?.keyId}`;
      expect((await app.server.inject({ method: 'DELETE', url, headers: bearer(app.adminKey) })).statusCode).toBe(200);
      for (const route of app.routes.filter(asksForRights)) {
        // safe: the name comes from the server's own table
        const method = route.method as 'GET';
        const payload = bodyOf(route);
        const request = {
          method,
          url: pathOf(route),
          headers: bearer(key),
          ...(payload === undefined ? {} : { payload }),
        };
        const right = rightOf((await app.server.inject(request)).statusCode);
        const expected = route.operation === 'public' ? 'allowed' : 401;
        if (right !== expected) wrong.push(`${role} ${nameOf(route)}: ${right}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
