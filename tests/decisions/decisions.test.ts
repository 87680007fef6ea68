import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, until, verified, type Harness, type Person } from '../support/server.ts';

const INVENTORY = '/api/inventory';
const MATRIX = '/api/guards/decision-matrix';
const CSV = `type,id,names,owner,criticality,environment,data_classes,vendors
user,cfo,,Board,CRITICAL,,,
host,pay-db-1,pay-db,Payments,HIGH,prod,payment;pii,Acme Cloud
host,bench-7,,,,test,none,
ip,10.20.0.0/16,,Network,MEDIUM,,,
`;

let house: Harness;
let auditor: Person;
let second: Person;

beforeAll(async () => {
  house = await startHarness({ env: { POLICY_CHANGES_BY_TWO: 'on' } });
  [auditor, second] = await Promise.all([house.person('AUDITOR'), house.person('SECURITY_ADMIN')]);
});
afterAll(() => house.stop());

const csv = { 'content-type': 'text/csv' };
const put = (text: string, headers: Record<string, string> = csv, { api } = house.admin) =>
  api('PUT', INVENTORY, text, headers);

let alerts = 0;
async function alertAbout(subject: object, more: object = {}) {
  alerts += 1;
  const event = { id: `alert-${alerts}`, kind: 'alert', time: new Date().toISOString(), ...subject, ...more };
  const { status, text } = await house.admin.api('POST', '/api/events?format=firebreak', event);
  expect(status, text).toBe(200);
  const { body } = await house.admin.api('GET', '/api/incidents?limit=1');
  return body.data[0];
}

describe('the inventory', () => {
  it('is replaced as a whole, by whoever may, and the same again is no new version', async () => {
    expect((await auditor.api('GET', INVENTORY)).body.data).toMatchObject({ version: 0, assets: 0, hash: null });
    expect((await put(CSV, csv, auditor)).status).toBe(403);
    const first = await put(CSV);
    expect(first.body.data).toMatchObject({ version: 1, assets: 4, byType: { host: 2, ip: 1, user: 1 } });
    expect((await put(CSV)).body.data).toMatchObject({ version: 1, hash: first.body.data.hash });
    expect((await put(CSV, { ...csv, 'if-match': '"7"' })).status).toBe(412);
    await verified(house.dataDir);
  });

  it('refuses a file with faults whole, naming lines, and keeps what is in force', async () => {
    const { status, body } = await put(`${CSV}host,pay-db,,,HUGE,,,\nhost,,,,LOW,,,\n`);
    expect([status, body.code]).toEqual([422, 'invalid_inventory']);
    expect(body.errors?.map(({ pointer }) => pointer)).toEqual(['/line/6', '/line/7']);
    expect((await auditor.api('GET', INVENTORY)).body.data.version).toBe(1);
    expect((await put('x', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('answers for an id, an alias, an address and a vendor', async () => {
    const seen = async (path: string) => (await auditor.api('GET', `${INVENTORY}/assets${path}`)).body;
    expect((await seen('/host/PAY-DB')).data).toMatchObject({ id: 'pay-db-1', dataClasses: ['payment', 'pii'] });
    expect((await seen('/ip/10.20.3.4')).data).toMatchObject({ id: '10.20.0.0/16' });
    expect((await seen(`/ip/${encodeURIComponent('10.20.0.0/16')}`)).data).toMatchObject({ owner: 'Network' });
    expect((await seen('/host/nobody')).code).toBe('not_found');
    expect((await seen('?vendor=acme%20cloud')).data).toMatchObject([{ id: 'pay-db-1' }]);
    expect((await seen('?criticality=LOW')).data).toMatchObject([{ id: 'bench-7' }]);
    expect((await seen('?limit=1&skip=1')).total).toBe(4);
  });

  it('is still in force after a restart', async () => {
    await house.restart();
    expect((await auditor.api('GET', `${INVENTORY}/assets/host/pay-db`)).body.data.id).toBe('pay-db-1');
  });
});

describe('a decision about an incident', () => {
  it('names its asset, its cell, its matrix and its inventory, in the record as well', async () => {
    const incident = await alertAbout({ subject: 'anna' }, { severity: 'LOW', host_id: 'PAY-DB' });
    expect(incident).toMatchObject({ impact: 'HIGH', severity: 'HIGH', systems: [{ type: 'host', id: 'pay-db' }] });
    expect(incident.decision).toMatchObject({
      impactFrom: 'inventory',
      cell: 'HIGH/HIGH',
      requiredAction: 'Isolate, image disk, notify CISO/Legal',
      approvers: ['CISO'],
      regulatoryTrigger: 'WITHIN_72_HOURS',
      binding: true,
      matrix: { version: 0 },
      inventory: { version: 1 },
    });
    expect(incident.decision.assets).toMatchObject([{ type: 'host', id: 'pay-db-1', as: 'system' }]);
    expect(incident.decision.because).toContain(
      'the system host pay-db-1 is of HIGH criticality and holds payment, pii',
    );
    const rows = house
      .database()
      .prepare('select bytes as body from records where stream = (select no from streams where name = ?)');
    const [record] = rows.all(`incident/${incident.id}`) as { body: string }[];
    expect(record?.body).toContain('"cell":"HIGH/HIGH"');
  });

  it('assumes MEDIUM where nothing is listed, and grows only upwards', async () => {
    const incident = await alertAbout({ subject: 'otto' });
    expect(incident.decision).toMatchObject({ impact: 'MEDIUM', impactFrom: 'assumed', binding: false });
    const grown = await alertAbout({ subject: 'otto' }, { host_id: 'pay-db-1' });
    expect([grown.id, grown.decision.cell]).toEqual([incident.id, 'HIGH/HIGH']);
    const after = await alertAbout({ subject: 'otto' }, { host_id: 'bench-7' });
    expect([after.id, after.decision.cell]).toEqual([incident.id, 'HIGH/HIGH']);
  });
});

describe('the decision matrix', () => {
  it('is the default of version 0 until somebody sets one, and refuses a falling one by its cells', async () => {
    const { id, _id, version, updatedAt, savedBy, ...matrix } = (await auditor.api('GET', MATRIX)).body.data;
    expect([_id, id, version, updatedAt, savedBy]).toEqual(['decision-matrix', 'decision-matrix', 0, null, null]);
    const falling = matrix.cells.map((cell: object, index: number) =>
      index === 15 ? { ...cell, severity: 'LOW' } : cell,
    );
    const refused = await house.admin.api('PUT', MATRIX, { ...matrix, cells: falling });
    expect([refused.status, refused.body.code]).toEqual([422, 'invalid_guard']);
    expect(refused.body.errors?.[0]?.detail).toContain('CRITICAL/CONFIRMED is LOW, below HIGH/CONFIRMED (CRITICAL)');
    expect((await auditor.api('PUT', MATRIX, matrix)).status).toBe(403);
  });

  it('waits for a second person when it takes something away, and is in force at once when it does not', async () => {
    const { confidenceBounds, impactOfData, provisionalTtlMs, gates, cells } = (await auditor.api('GET', MATRIX)).body
      .data;
    const matrix = { confidenceBounds, impactOfData, provisionalTtlMs, gates, cells };
    const change = (name: string, more: object) =>
      matrix.cells.map((cell: { impact: string; confidence: string }) =>
        `${cell.impact}/${cell.confidence}` === name ? { ...cell, ...more, source: 'own' } : cell,
      );
    const graver = change('HIGH/HIGH', { approvers: ['CISO', 'LEGAL'] });
    const set = await house.admin.api('PUT', MATRIX, { ...matrix, cells: graver });
    expect(set.status, set.text).toBe(200);
    expect(set.body.data.version).toBe(1);
    const waits = await house.admin.api('PUT', MATRIX, matrix);
    expect(waits.status).toBe(202);
    expect(waits.body.data.weakens).toEqual(['LEGAL approves no longer at HIGH/HIGH']);
    const before = await alertAbout({ subject: 'lena' }, { host_id: 'pay-db-1' });
    expect(before.decision).toMatchObject({ approvers: ['CISO', 'LEGAL'], source: 'own', matrix: { version: 1 } });
    const { id, hash } = waits.body.data;
    expect((await second.api('POST', `/api/changes/${id}/confirm`, { hash })).status).toBe(200);
    const after = await alertAbout({ subject: 'mona' }, { host_id: 'pay-db-1' });
    expect(after.decision).toMatchObject({ approvers: ['CISO'], matrix: { version: 2 } });
    // What was decided stays, and so do its reasons.
    expect((await auditor.api('GET', `/api/incidents/${before.id}`)).body.data.decision).toEqual(before.decision);
    await until('the change is told', async () => {
      const { body } = await second.api('GET', '/api/notifications?limit=50');
      return body.data.find((each: { title: string }) => each.title === 'The decision matrix was changed') ?? null;
    });
    await verified(house.dataDir);
  });
});
