import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evidenceExportCommand } from '../../src/cli/evidence-export.ts';
import { processIo } from '../../src/cli/io.ts';
import { openBundle } from '../../src/pipeline/evidence/bundles/bundle-source.ts';
import { verifyBundle } from '../../src/pipeline/evidence/bundles/verify-bundle.ts';
import { FAKE_KEY, FAKE_REGION } from '../support/fake-s3-signature.ts';
import { FAKE_BUCKET, startFakeS3, type FakeS3 } from '../support/fake-s3.ts';
import { startHarness, verified, type Harness, type Person, type Reply } from '../support/server.ts';

/** A whole server with its evidence in a FAKE of S3, told by its environment only. */
let s3: FakeS3;
let house: Harness;
let legal: Person;
let analyst: Person;
let incidentId = '';
const folder = mkdtempSync(join(tmpdir(), 'firebreak-s3-'));

beforeAll(async () => {
  s3 = await startFakeS3();
  house = await startHarness({
    env: {
      EVIDENCE_STORE: 's3',
      EVIDENCE_S3_BUCKET: FAKE_BUCKET,
      EVIDENCE_S3_PREFIX: 'firebreak',
      EVIDENCE_S3_REGION: FAKE_REGION,
      EVIDENCE_S3_ENDPOINT: s3.url,
      EVIDENCE_S3_ACCESS_KEY_ID: FAKE_KEY.id,
      EVIDENCE_S3_SECRET_ACCESS_KEY: FAKE_KEY.secret,
      EVIDENCE_RETENTION_DAYS: '365,screenshot=0',
    },
  });
  [legal, analyst] = await Promise.all([house.person('LEGAL'), house.person('SECURITY_ANALYST')]);
  const time = new Date().toISOString();
  const event = { id: 'a1', kind: 'alert', action: 'edr.alert', severity: 'HIGH', subject: 'anna', time };
  await house.admin.api('POST', '/api/events', event);
  incidentId = (await house.admin.api('GET', '/api/incidents')).body.data[0].id;
});
afterAll(async () => {
  await house.stop();
  await s3.close();
  rmSync(folder, { recursive: true, force: true });
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function handIn(kind: string, text: string): Promise<Reply> {
  const type = { 'content-type': 'application/octet-stream' };
  return analyst.api('POST', `/api/evidence?kind=${kind}&name=${kind}.bin&incidentId=${incidentId}`, text, type);
}

const health = (): Promise<Reply> => house.anonymous('GET', '/health/incident-playbooks');
const contentKey = (id: string): string => `firebreak/objects/${id}/content`;

it('keeps evidence where not even its owner can remove it, and says so', async () => {
  const { status, body } = await handIn('file', 'what the attacker left');
  expect(status).toBe(201);
  const { id } = body.data;
  expect(body.data).toMatchObject({
    integrity: { sha256: sha256('what the attacker left'), complete: true },
    storage: { immutable: 'enforced', legalHold: false },
  });
  const [stored] = s3.store.keys.get(contentKey(id)) ?? [];
  expect(stored?.lock?.mode).toBe('COMPLIANCE');
  expect(stored?.lock?.until).toBeGreaterThan(Date.now() + 364 * 24 * 3_600_000);
  const download = await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'a request of the court' });
  expect([download.status, download.text]).toEqual([200, 'what the attacker left']);
  expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data).toMatchObject({ alarm: null });
});

it('raises the alarm when a bit of it changes in the store', async () => {
  const { id } = (await handIn('file', 'another artefact')).body.data;
  s3.store.flip(contentKey(id), 3);
  const { body } = await analyst.api('POST', `/api/evidence/${id}/verify`);
  expect(body.data.alarm.found).toEqual(['Part 1 is not what was written.']);
  s3.store.flip(contentKey(id), 3);
  expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data.alarm).toBeNull();
});

it('exports a bundle that verifies offline', async () => {
  const out = join(folder, 'bundle.tar');
  const io = {
    ...processIo(),
    env: { FIREBREAK_API_KEY: house.admin.key },
    stdout: { write: () => undefined },
  };
  const options = { url: house.url, incident: incidentId, out, reason: 'for the police', json: false };
  expect(await evidenceExportCommand(options, io)).toBe(0);
  const found = await verifyBundle(await openBundle(out), { keys: null, anchors: [], roots: [] });
  expect([found.verdict, found.problem]).toEqual(['intact', null]);
  expect(found.manifest?.artifacts.map((each: { readonly sha256: string }) => each.sha256).sort()).toEqual(
    [sha256('what the attacker left'), sha256('another artefact')].sort(),
  );
});

it('holds at the store what is held, and lets nothing go before its time', async () => {
  const { id } = (await handIn('screenshot', 'of no use')).body.data;
  const kept = (await handIn('file', 'kept for a year')).body.data;
  const set = await legal.api('POST', '/api/evidence-holds', { evidenceId: id, reason: 'litigation' });
  expect(s3.store.keys.get(contentKey(id))?.[0]?.held).toBe(true);
  const dispose = (which: string): Promise<Reply> =>
    house.admin.api('POST', `/api/evidence/${which}/dispose`, { reason: 'over', witness: legal.id });
  expect((await dispose(id)).body.detail).toContain('legal hold');
  expect((await dispose(kept.id)).body.detail).toContain('It is kept until');
  await house.admin.api('POST', `/api/evidence-holds/${set.body.data.id}/release`, { reason: 'over' });
  expect(s3.store.keys.get(contentKey(id))?.[0]?.held).toBe(false);
  expect((await dispose(id)).body.data).toMatchObject({ status: 'DISPOSED' });
  expect([...s3.store.keys.keys()].filter((key) => key.includes(id))).toEqual([]);
});

it('says that its store is away, and goes on without until it is back', async () => {
  const { id } = (await handIn('file', 'before the outage')).body.data;
  s3.fault('ListObjectVersions', { type: 'error', status: 400, code: 'OutOfOrder' });
  expect((await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'x' })).status).toBe(503);
  const ill = await health();
  expect([ill.status, JSON.parse(ill.text).evidence]).toEqual([503, { alarmed: 0, storeAiling: true }]);
  expect((await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'x' })).text).toBe('before the outage');
  expect((await health()).status).toBe(200);
});

it('finds its evidence again after a restart, with records that verify', async () => {
  const { id } = (await handIn('file', 'over a restart')).body.data;
  await house.restart();
  const reply = await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'x' });
  expect(reply.text).toBe('over a restart');
  await house.halt();
  expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
});
