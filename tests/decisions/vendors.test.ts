import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STARTED_AT, startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const BASE = '/api/vendors';
const INVENTORY = `type,id,criticality,data_classes,vendors
host,pay-db,HIGH,payment,Acme Cloud
host,web-1,LOW,,acme
user,anna,MEDIUM,,mailer
host,lonely,LOW,,
`;

let house: Harness;
let legal: Person;
let analyst: Person;
let auditor: Person;

beforeAll(async () => {
  // Business time jumps to the next timer, two hours at most.
  house = await startHarness({ accelerated: true });
  [legal, analyst, auditor] = await Promise.all([
    house.person('LEGAL'),
    house.person('SECURITY_ANALYST'),
    house.person('AUDITOR'),
  ]);
  const put = await house.admin.api('PUT', '/api/inventory', INVENTORY, { 'content-type': 'text/csv' });
  expect(put.status, put.text).toBe(200);
});
afterAll(() => house.stop());

const ACME = {
  name: 'Acme Cloud Ltd',
  names: ['acme cloud'],
  contacts: [{ name: 'Duty desk', phone: '+44 20 7946 0000', hours: 'always' }],
  contract: { reference: 'MSA 2024-17', clauses: [{ reference: '9.2', obligation: 'preserves logs for 90 days' }] },
  duties: { theyTellUsWithinHours: 24, weTellThemWithinHours: 48 },
  escalation: [
    { afterMinutes: 0, roles: ['LEGAL'] },
    { afterMinutes: 30, roles: ['SECURITY_ANALYST'] },
    { afterMinutes: 400, roles: ['AUDITOR'] },
  ],
  // Each hangs on the other.
  dependsOn: ['mailer'],
  dataClasses: ['payment'],
};
const MAILER = {
  name: 'Mailer',
  escalation: [{ afterMinutes: 5_000, roles: ['CISO'] }],
  dependsOn: ['acme'],
  supports: [{ type: 'segment', id: 'office' }],
  dataClasses: ['pii'],
};

const set = (id: string, vendor: object, { api } = house.admin) => api('PUT', `${BASE}/${id}`, vendor);
const escalations = async (query: string) => (await auditor.api('GET', `${BASE}/escalations?${query}`)).body.data;

let alerts = 0;
async function alertAbout(more: object) {
  alerts += 1;
  const event = { id: `v-${alerts}`, kind: 'alert', time: new Date(STARTED_AT).toISOString(), ...more };
  const { status, text } = await house.admin.api('POST', '/api/events?format=firebreak', event);
  expect(status, text).toBe(200);
  const { body } = await house.admin.api('GET', '/api/incidents?limit=1');
  return body.data[0];
}

describe('a vendor', () => {
  it('is described as a whole, by whoever may, and says what will not work', async () => {
    expect((await set('acme', ACME, analyst)).status).toBe(403);
    const first = await set('acme', ACME, legal);
    expect(first.status, first.text).toBe(200);
    expect(first.body.warnings).toEqual(['/dependsOn: nobody has described the vendor mailer yet.']);
    expect((await set('mailer', MAILER)).body.data).toMatchObject({ id: 'mailer', version: 1 });
    expect((await auditor.api('GET', `${BASE}/acme`)).body.data).toMatchObject({ ...ACME, enabled: true });
    expect((await auditor.api('GET', BASE)).body.total).toBe(2);
    const stale = await house.admin.api('PUT', `${BASE}/acme`, ACME, { 'if-match': '"5"' });
    expect(stale.status).toBe(412);
  });

  it.each<[string, string, object, string]>([
    ['an id in capitals', 'ACME', ACME, '/id'],
    ['itself', 'x', { ...ACME, dependsOn: ['x'] }, '/dependsOn'],
    [
      'levels that do not rise',
      'x',
      { ...ACME, escalation: [ACME.escalation[1], ACME.escalation[1]] },
      '/escalation/1/afterMinutes',
    ],
    ['a level of nobody', 'x', { ...ACME, escalation: [{ afterMinutes: 0 }] }, '/escalation/0'],
    [
      'a role that there is not',
      'x',
      { ...ACME, escalation: [{ afterMinutes: 0, roles: ['BOSS'] }] },
      '/escalation/0/roles/0',
    ],
    ['a control character', 'x', { ...ACME, name: 'A\u0007' }, '/name'],
    ['no address of mail', 'x', { ...ACME, contacts: [{ name: 'n', email: 'nobody' }] }, '/contacts/0/email'],
    ['another member', 'x', { ...ACME, sendTo: 'them' }, '/'],
    [
      'too many levels',
      'x',
      { ...ACME, escalation: Array.from({ length: 11 }, (_, index) => ({ afterMinutes: index, roles: ['CISO'] })) },
      '/escalation',
    ],
  ])('is refused with %s', async (_what, id, vendor, pointer) => {
    const { status, body } = await set(id, vendor);
    expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([422, 'invalid_vendor', pointer]);
  });
});

describe('an incident that touches a vendor', () => {
  it('shows who else is affected, with the way why, also round a cycle', async () => {
    const incident = await alertAbout({ subject: 'somebody', host_id: 'pay-db' });
    const { body } = await auditor.api('GET', `/api/incidents/${incident.id}/affected`);
    expect(body.data.touched).toEqual([
      {
        vendorId: 'acme',
        name: 'Acme Cloud Ltd',
        because: 'host:pay-db hangs on it',
        duties: { theyTellUsWithinHours: 24, weTellThemWithinHours: 48 },
      },
    ]);
    expect(body.data.affected.map(({ path }: { path: string[] }) => path.join(' > '))).toEqual([
      'vendor:acme > host:pay-db',
      'vendor:acme > host:web-1',
      'vendor:acme > vendor:mailer',
      'vendor:acme > vendor:mailer > segment:office',
      'vendor:acme > vendor:mailer > user:anna',
    ]);
    expect(body.data).toMatchObject({ dataClasses: ['payment', 'pii'], cut: false });
    expect((await auditor.api('GET', '/api/incidents/inc_none/affected')).status).toBe(404);
  });

  it('tells our own people level by level, until somebody has it, over a restart too', async () => {
    const [escalation] = await escalations('vendorId=acme');
    expect(escalation).toMatchObject({ vendorName: 'Acme Cloud Ltd', through: 'host:pay-db' });
    const raised = async () => {
      const { body } = await auditor.api('GET', `${BASE}/escalations/${escalation.id}`);
      const told = body.data.levels.map((level: { told: boolean }) => level.told);
      return told.join() === 'true,true,false' ? body.data : null;
    };
    expect((await until('the second level is told', raised)).status).toBe('OPEN');
    await house.restart();
    expect(await raised()).not.toBeNull();
    const toldTo = async ({ api }: Person) => {
      const { body } = await api('GET', '/api/notifications?limit=100');
      return body.data
        .filter(({ kind }: { kind: string }) => kind === 'vendor.escalated')
        .map(({ title }: { title: string }) => title);
    };
    await until('the analyst is told', async () => ((await toldTo(analyst)).length > 0 ? true : null));
    // Level 1 is told to its people, and again with the level after it.
    expect(await toldTo(legal)).toContain('An incident touches Acme Cloud Ltd: level 1');
    expect(await toldTo(auditor)).toEqual([]);
    const path = `${BASE}/escalations/${escalation.id}/acknowledge`;
    expect((await auditor.api('POST', path, { note: 'x' })).status).toBe(403);
    const taken = await analyst.api('POST', path, { note: 'I call the duty desk' });
    expect(taken.body.data).toMatchObject({ status: 'ACKNOWLEDGED', acknowledged: { note: 'I call the duty desk' } });
    expect((await analyst.api('POST', path, { note: 'again' })).status).toBe(409);
    const timers = house.database().prepare("select count(*) as n from timers where execution like 'escalation/%'");
    expect(timers.get()).toEqual({ n: 0 });
    await verified(house.dataDir);
  });

  it('is not escalated twice by more of the same, nor where nothing hangs on anybody', async () => {
    const again = await alertAbout({ subject: 'somebody', host_id: 'web-1' });
    expect(await escalations(`incidentId=${again.id}`)).toHaveLength(1);
    const other = await alertAbout({ subject: 'somebody-else', host_id: 'lonely' });
    expect(await escalations(`incidentId=${other.id}`)).toEqual([]);
    const { body } = await auditor.api('GET', `/api/incidents/${other.id}/affected`);
    expect(body.data).toMatchObject({ touched: [], affected: [] });
  });

  it('can be escalated by hand, once, and only where there is a path', async () => {
    const incident = await alertAbout({ subject: 'third', host_id: 'lonely' });
    const start = (vendor: string, incidentId = incident.id) =>
      analyst.api('POST', `${BASE}/${vendor}/escalate`, { incidentId });
    const first = await start('mailer');
    expect(first.body.data).toMatchObject({ vendorId: 'mailer', status: 'OPEN', through: null });
    expect((await start('mailer')).body.data.id).toBe(first.body.data.id);
    await set('pathless', { name: 'Pathless' });
    expect((await start('pathless')).status).toBe(409);
    expect((await start('nobody')).status).toBe(404);
    expect((await start('mailer', 'inc_none')).status).toBe(404);
    expect(await escalations('status=OPEN')).toMatchObject([{ vendorId: 'mailer' }]);
    await verified(house.dataDir);
  });
});
