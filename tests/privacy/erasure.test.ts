import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  confirmErasureCommand,
  eraseCommand,
  exportPersonCommand,
  listErasuresCommand,
  showErasureCommand,
  withdrawErasureCommand,
} from '../../src/cli/persons.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { withOwnKey } from '../support/own-key.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { startHarness, testIo, until, verified, type Api, type Harness } from '../support/server.ts';

const ERASURES = '/api/erasures';
const EXPORTS = '/api/person-exports';
const MALLORY = 'mallory@corp.example';

let house: Harness;
let api: Api;
let officer: Api;
let counsel: Api;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
  officer = (await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'))).api;
  counsel = (await withOwnKey(house, await house.person('LEGAL'))).api;
  await house.sandbox.seed([{ id: 'petra', sessions: [] }]);
  await api('POST', BASE, byHand('tells', [NOTIFY]));
  await api('POST', BASE, byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]));
});
afterAll(() => house.stop());

let alerts = 0;
/** An alert about an account, an execution against it, and the incident closed behind them. */
async function happened(account: string, playbookId = 'tells') {
  alerts += 1;
  const time = new Date().toISOString();
  const event = { id: `alert-${alerts}`, kind: 'alert', action: 'edr.alert', subject: account, severity: 'HIGH', time };
  expect((await api('POST', '/api/events', event)).status).toBe(200);
  const [incident] = (await api('GET', `/api/incidents?userId=${account}`)).body.data;
  const { body } = await api('POST', `${BASE}/executions/trigger`, { playbookId, userId: account });
  const execution = await house.settled(body.data._id);
  for (const id of [incident._id, execution.incidentId]) {
    const reason = `${account} travelled`;
    expect((await api('PATCH', `/api/incidents/${id}`, { status: 'FALSE_POSITIVE', reason })).status).toBe(200);
  }
  return { incidentId: incident._id, executionId: execution._id };
}

async function asked(account: string): Promise<string> {
  const { status, body } = await officer('POST', ERASURES, { account, reason: `a letter of ${account}` });
  expect([status, body.data.status]).toEqual([201, 'REQUESTED']);
  return body.data.id;
}

const shown = async (id: string) => (await officer('GET', `${ERASURES}/${id}`)).body.data;
const reached = (id: string, wanted: string) =>
  until(`the erasure is ${wanted}`, async () => ((await shown(id)).status === wanted ? true : null));

/** Everything that lies in the journal about an account, by table. */
function left(account: string): Readonly<Record<string, number>> {
  const count = (sql: string): number => Number(house.database().prepare(sql).pluck().get(`%${account}%`));
  return {
    records: count('select count(*) from records where bytes like ?'),
    objects: count('select count(*) from objects where body like ?'),
    rows: count(`select count(*) from views where kind <> 'erasure' and body || coalesce(subject, '') like ?`),
  };
}

describe('an erasure', () => {
  it('takes every text of an account out of records and rows, and the log still verifies', async () => {
    const { incidentId, executionId } = await happened(MALLORY);
    expect(left(MALLORY)).toMatchObject({ records: 0, objects: 0, rows: expect.toSatisfy((rows: number) => rows > 2) });
    const id = await asked(MALLORY);
    expect((await counsel('POST', `${ERASURES}/${id}/confirm`)).status).toBe(200);
    await reached(id, 'ERASING');
    await until('rows are written anew', async () => (left(MALLORY)['rows'] === 0 ? true : null));
    expect(left(MALLORY)).toEqual({ records: 0, objects: 0, rows: 0 });
    expect((await api('GET', `/api/incidents/${incidentId}`)).body.data).toMatchObject({ status: 'FALSE_POSITIVE' });
    expect((await api('GET', `${BASE}/executions/${executionId}`)).body.data.userId).toBe('[erased]');
    expect((await api('GET', `/api/incidents?userId=${MALLORY}`)).body.total).toBe(0);
    const { person, reason, eventsAfter } = await shown(id);
    expect({ person, reason, eventsAfter }).toEqual({
      person: expect.stringMatching(/^per_/),
      reason: '[erased]',
      eventsAfter: expect.any(String),
    });
    await house.restart();
    expect((await api('GET', `${BASE}/executions/${executionId}`)).body.data.userId).toBe('[erased]');
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact' });
    expect(await replayCommand({ execution: executionId, data: house.dataDir, json: true }, testIo())).toBe(0);
  });

  it('is done again where the keys were set back to before it', async () => {
    const { executionId } = await happened('tilda');
    const files = ['person-keys.sqlite', 'person-keys.sqlite-wal'].map((name) => join(house.dataDir, name));
    const saved = new Map<string, Buffer>();
    await house.restart(() => {
      for (const file of files) if (existsSync(file)) saved.set(file, readFileSync(file));
    });
    const id = await asked('tilda');
    await counsel('POST', `${ERASURES}/${id}/confirm`);
    await until('rows are written anew', async () => (left('tilda')['rows'] === 0 ? true : null));
    await house.restart(() => {
      for (const file of files) rmSync(file, { force: true });
      for (const [file, bytes] of saved) writeFileSync(file, bytes);
    });
    const isErased = async () =>
      (await api('GET', `${BASE}/executions/${executionId}`)).body.data.userId === '[erased]';
    await until('the key is destroyed again', async () => ((await isErased()) ? true : null));
    expect((await shown(id)).status).toBe('ERASING');
  });

  it('takes nothing of anybody else', async () => {
    const nina = await happened('nina');
    await happened('oskar');
    const id = await asked('oskar');
    await counsel('POST', `${ERASURES}/${id}/confirm`);
    await until('rows are written anew', async () => (left('oskar')['rows'] === 0 ? true : null));
    expect((await api('GET', `${BASE}/executions/${nina.executionId}`)).body.data.userId).toBe('nina');
    expect((await api('GET', `/api/incidents/${nina.incidentId}`)).body.data.reason).toBe('nina travelled');
  });

  it('waits, and says for what, while a containment stands or an incident is open', async () => {
    const { executionId } = await happened('petra', 'suspends');
    const time = new Date().toISOString();
    await api('POST', '/api/events', {
      id: 'open',
      kind: 'alert',
      action: 'x',
      subject: 'petra',
      severity: 'LOW',
      time,
    });
    const id = await asked('petra');
    await counsel('POST', `${ERASURES}/${id}/confirm`);
    const { status, waitsFor } = await shown(id);
    expect([status, waitsFor.map(({ kind }: { kind: string }) => kind).toSorted()]).toEqual([
      'WAITING',
      ['hold', 'incident'],
    ]);
    expect((await api('GET', `${BASE}/executions/${executionId}`)).body.data.userId).toBe('petra');
    expect((await officer('POST', `${ERASURES}/${id}/withdraw`, { reason: 'not yet' })).body.data.status).toBe(
      'WITHDRAWN',
    );
    expect((await officer('POST', `${ERASURES}/${id}/withdraw`, { reason: 'again' })).status).toBe(409);
    expect((await counsel('POST', `${ERASURES}/${id}/confirm`)).status).toBe(409);
  });

  it('needs two people, an account, and is one at a time', async () => {
    const id = await asked('quentin');
    expect((await officer('POST', `${ERASURES}/${id}/confirm`)).status).toBe(409);
    expect((await shown(id)).status).toBe('REQUESTED');
    expect((await officer('POST', ERASURES, { account: ' QUENTIN ', reason: 'once more' })).status).toBe(409);
    const { status, body } = await officer('POST', ERASURES, { account: '   ', reason: 'nobody' });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/account']);
    expect((await officer('GET', `${ERASURES}/era_0`)).status).toBe(404);
    expect((await officer('GET', `${ERASURES}?status=REQUESTED`)).body.total).toBe(1);
    const responder = await house.person('INCIDENT_COMMANDER');
    expect((await responder.api('POST', ERASURES, { account: 'quentin', reason: 'x' })).status).toBe(403);
    expect((await responder.api('POST', EXPORTS, { account: 'quentin', reason: 'x' })).status).toBe(403);
  });
});

describe('what is held on somebody', () => {
  it('is handed out whole, of nobody else, and stands on record', async () => {
    const { executionId, incidentId } = await happened('rosa');
    await happened('simon');
    const { status, text } = await officer('POST', EXPORTS, { account: 'Rosa', reason: 'she asked on 3 March' });
    expect(status).toBe(200);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const whats = new Set(lines.map(({ what }) => what));
    expect([...whats].toSorted()).toEqual(['account', 'end', 'event', 'record', 'row']);
    const streams = new Set(lines.filter(({ what }) => what === 'record').map(({ stream }) => stream));
    for (const stream of [`execution/${executionId}`, `incident/${incidentId}`, 'disclosures'])
      expect(streams).toContain(stream);
    expect(text).not.toContain('simon');
    expect(lines.find(({ what, kind }) => what === 'row' && kind === 'incident')).not.toHaveProperty('body');
    expect(text).toContain('rosa travelled');
    expect(left('she asked on')['records']).toBe(0);
  });
});

describe('firebreak persons', () => {
  it('asks, waits, takes back, and writes what is held to a file that is whole', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-privacy-'));
    const out = join(folder, 'uma.ndjson');
    const { key } = await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'));
    const io = testIo({ FIREBREAK_API_KEY: key });
    const server = { url: house.url, json: true };
    try {
      await happened('uma');
      expect(await exportPersonCommand({ ...server, account: 'uma', reason: 'asked', out }, io)).toBe(0);
      const written = readFileSync(out, 'utf8');
      expect(written).toContain('uma travelled');
      expect(written.endsWith('{"what":"end"}\n')).toBe(true);
      const again = exportPersonCommand(
        { ...server, account: 'uma', reason: 'asked', out: join(folder, 'no', 'x') },
        io,
      );
      await expect(again).rejects.toMatchObject({ code: 'conflict' });
      expect(await eraseCommand({ ...server, account: 'uma', reason: 'a letter' }, io)).toBe(0);
      const [erasure] = (await officer('GET', `${ERASURES}?status=REQUESTED`)).body.data;
      await expect(confirmErasureCommand(erasure.id, server, io)).rejects.toMatchObject({ code: 'conflict' });
      expect(await showErasureCommand(erasure.id, server, io)).toBe(0);
      expect(await listErasuresCommand(server, io)).toBe(0);
      expect(await withdrawErasureCommand(erasure.id, { ...server, reason: 'not meant' }, io)).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the store of keys', () => {
  it('is a file that nobody else reads, without names', () => {
    const files = readdirSync(house.dataDir).filter((name) => name.startsWith('person-keys'));
    expect(files).toContain('person-keys.sqlite');
    for (const name of files) expect(readFileSync(join(house.dataDir, name)).includes('rosa')).toBe(false);
  });
});
