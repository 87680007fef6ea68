import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, until, verified, type Harness, type Person, type Reply } from '../support/server.ts';

let house: Harness;
let legal: Person;
let analyst: Person;
let auditor: Person;
beforeAll(async () => {
  house = await startHarness({ env: { EVIDENCE_RETENTION_DAYS: '365,screenshot=0' } });
  [legal, analyst, auditor] = await Promise.all([
    house.person('LEGAL'),
    house.person('SECURITY_ANALYST'),
    house.person('AUDITOR'),
  ]);
});
afterAll(() => house.stop());

let count = 0;
async function handIn(query = 'kind=screenshot', bytes: string | Uint8Array = 'bytes', headers = {}): Promise<Reply> {
  count += 1;
  const type = { 'content-type': 'application/octet-stream' };
  const name = query.includes('name=') ? '' : `&name=a${count}.png`;
  return analyst.api('POST', `/api/evidence?${query}${name}`, bytes, { ...type, ...headers });
}

async function handedIn(query?: string, bytes?: string): Promise<string> {
  const reply = await handIn(query, bytes);
  expect([reply.status, reply.text]).toEqual([201, reply.text]);
  return reply.body.data.id;
}

/** A body that comes in two pieces. */
class TwoPieces {
  readonly stream: ReadableStream;
  #controller: ReadableStreamDefaultController | null = null;
  constructor(text: string) {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(Buffer.from(text));
      },
    });
  }
  end(text: string): void {
    this.#controller?.enqueue(Buffer.from(text));
    this.#controller?.close();
  }
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const typesOf = (reply: Reply): readonly string[] =>
  reply.body.data.timeline.map((each: { type: string }) => each.type);

function contentFile(id: string): string {
  const folder = join(house.dataDir, 'evidence', 'objects', id.slice(-2), id);
  return join(folder, readdirSync(folder).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? 'none');
}

describe('handing in', () => {
  it('lets a repeat that comes while it goes on end nothing of it', async () => {
    const [first, second] = [new TwoPieces('first half, '), 'first half, second half'];
    const send = (body: ReadableStream | string) =>
      fetch(`${house.url}/api/evidence?kind=screenshot&name=slow.png`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${analyst.key}`,
          'content-type': 'application/octet-stream',
          'idempotency-key': 'slow-1',
        },
        body,
        duplex: 'half',
      } as RequestInit);
    const slow = send(first.stream);
    const drafts = () => readdirSync(join(house.dataDir, 'evidence'), { recursive: true }).map(String);
    await until('it is being written', async () =>
      drafts().some((name) => name.includes('partial') || name.includes('evd_')) ? true : null,
    );
    expect((await send(second)).status).toBe(409);
    first.end('second half');
    const reply = await slow;
    const { data } = (await reply.json()) as { data: { id: string } };
    expect([reply.status, (await analyst.api('GET', `/api/evidence/${data.id}`)).body.data.integrity]).toMatchObject([
      201,
      { sha256: sha256(second), complete: true },
    ]);
  });

  it('keeps the bytes, says what they are, and shows the custody record', async () => {
    const reply = await handIn(
      'kind=email&name=mail.eml&host=mx1&location=inbox%2F7&modifiedAt=2026-11-01T10:00:00Z',
      'From: x',
    );
    expect(reply.status).toBe(201);
    const { id } = reply.body.data;
    expect(reply.headers.get('location')).toBe(`/api/evidence/${id}`);
    const shown = await auditor.api('GET', `/api/evidence/${id}`);
    expect(shown.body.data).toMatchObject({
      status: 'PRESERVED',
      identity: { kind: 'email', name: 'mail.eml', personal: true, executionId: null },
      source: { system: 'upload', host: 'mx1', location: 'inbox/7', modifiedAt: '2026-11-01T10:00:00.000Z' },
      acquisition: { collector: { type: 'person', id: analyst.id }, authority: { type: 'person', id: analyst.id } },
      integrity: { size: 7, sha256: sha256('From: x'), complete: true },
      storage: { immutable: 'by-operator', legalHold: false },
    });
    expect(typesOf(shown)).toEqual(['evidence.begun', 'evidence.preserved']);
  });

  it('is done once for a repeat with the same Idempotency-Key, and refused for other bytes', async () => {
    const key = { 'idempotency-key': 'one' };
    const [first, again] = [
      await handIn('kind=file&name=a', 'same', key),
      await handIn('kind=file&name=a', 'same', key),
    ];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body.data.id).toBe(first.body.data.id);
    expect((await handIn('kind=file&name=a', 'other', key)).body.code).toBe('idempotency_mismatch');
  });

  it('refuses bytes that are not those of the SHA-256 that was given, and keeps nothing of them', async () => {
    const before = (await auditor.api('GET', '/api/evidence')).body.total;
    const reply = await handIn(`kind=file&sha256=${sha256('expected')}`, 'other');
    expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
    expect((await auditor.api('GET', '/api/evidence')).body.total).toBe(before);
    expect((await handIn(`kind=file&sha256=${sha256('expected')}`, 'expected')).status).toBe(201);
  });

  it.each([
    ['kind=video', '/kind'],
    ['kind=file&name=a%0d%0ab', '/name'],
    [`kind=file&name=${'x'.repeat(256)}`, '/name'],
    ['kind=file&host=a%00b', '/host'],
    ['kind=file&sha256=zz', '/sha256'],
    ['kind=file&modifiedAt=yesterday', '/modifiedAt'],
    ['kind=file&colour=red', ''],
  ])('refuses %s', async (query, pointer) => {
    const reply = await handIn(query);
    expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
    expect(reply.body.errors?.[0]?.pointer ?? '').toContain(pointer);
  });

  it('refuses what belongs to an incident, an execution or a parent that there is not', async () => {
    for (const query of ['incidentId=inc_no', 'executionId=exe_no', 'parentId=evd_no'])
      expect((await handIn(`kind=file&${query}`)).body.code).toBe('not_found');
  });

  it('takes more than any other body may have', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
    const reply = await handIn('kind=disk-image', bytes);
    expect(reply.body.data.integrity).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
  });
});

describe('a download', () => {
  it('gives the bytes as an attachment with a harmless name, and is on record', async () => {
    const id = await handedIn('kind=file&name=..%2F..%2Fetc%2F%E2%80%AEgpj.exe%22%3B', 'secret');
    const reply = await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'a request of the court' });
    expect([reply.status, reply.text]).toEqual([200, 'secret']);
    expect(reply.headers.get('content-disposition')).toBe(`attachment; filename="${id}_gpj.exe_"`);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect(reply.headers.get('x-evidence-sha256')).toBe(sha256('secret'));
    const shown = await auditor.api('GET', `/api/evidence/${id}`);
    expect(shown.body.data.timeline.at(-1)).toMatchObject({
      type: 'evidence.accessed',
      by: legal.id,
      reason: 'a request of the court',
    });
    expect(shown.body.data.counts.accesses).toBe(1);
  });

  it('needs a reason, and a role that has one', async () => {
    const id = await handedIn();
    expect((await legal.api('POST', `/api/evidence/${id}/download`, {})).status).toBe(400);
    expect((await auditor.api('POST', `/api/evidence/${id}/download`, { reason: 'x' })).status).toBe(403);
  });
});

describe('a transfer', () => {
  it('records who has it, with the digest before and after', async () => {
    const id = await handedIn();
    const given = { from: 'SOC', to: 'the lab', reason: 'analysis', sha256After: sha256('bytes') };
    const reply = await analyst.api('POST', `/api/evidence/${id}/transfer`, given);
    expect(reply.body.data).toMatchObject({ custodian: 'the lab', alarm: null, counts: { transfers: 1 } });
    const last = (await auditor.api('GET', `/api/evidence/${id}`)).body.data.timeline.at(-1);
    expect(last).toMatchObject({ before: sha256('bytes'), after: sha256('bytes') });
  });

  it('raises the alarm when whoever has it now has something else', async () => {
    const id = await handedIn();
    const given = { from: 'SOC', to: 'the lab', reason: 'analysis', sha256After: sha256('other') };
    const { body } = await analyst.api('POST', `/api/evidence/${id}/transfer`, given);
    expect(body.data.alarm.found[0]).toContain('another SHA-256');
  });
});

describe('verification', () => {
  it('finds a flipped bit, tells people, and shows in health until it is restored', async () => {
    const id = await handedIn('kind=file', 'original');
    const path = contentFile(id);
    expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data).toMatchObject({ alarm: null });
    const health = async () => (await house.anonymous('GET', '/health/incident-playbooks')).text;
    chmodSync(path, 0o600);
    writeFileSync(path, 'originam');
    chmodSync(path, 0o400);
    const { body } = await analyst.api('POST', `/api/evidence/${id}/verify`);
    expect(body.data.alarm.found[0]).toContain('SHA-256');
    expect(
      (await auditor.api('GET', '/api/evidence?alarmed=true')).body.data.map((each: { id: string }) => each.id),
    ).toContain(id);
    expect(JSON.parse(await health()).evidence.alarmed).toBeGreaterThan(0);
    const handedOn = await legal.api('POST', `/api/evidence/${id}/transfer`, { from: 'a', to: 'b', reason: 'c' });
    expect([handedOn.status, handedOn.body.code]).toEqual([409, 'conflict']);
    await expect
      .poll(async () => (await house.admin.api('GET', '/api/notifications')).text, { timeout: 5_000 })
      .toContain('Evidence is not as it was left');
    chmodSync(path, 0o600);
    writeFileSync(path, 'original');
    chmodSync(path, 0o400);
    expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data.alarm).toBeNull();
  });

  it('finds another mode and a missing file', async () => {
    const id = await handedIn('kind=file', 'original');
    chmodSync(contentFile(id), 0o644);
    expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data.alarm.found).toEqual([
      'Its mode is 644, not 400.',
    ]);
    rmSync(contentFile(id));
    expect((await analyst.api('POST', `/api/evidence/${id}/verify`)).body.data.alarm.found[0]).toContain(
      'not in the store',
    );
  });
});

describe('a legal hold', () => {
  it('keeps evidence from going, and is lifted by another person than who set it', async () => {
    const id = await handedIn();
    const set = await legal.api('POST', '/api/evidence-holds', { evidenceId: id, reason: 'litigation' });
    expect(set.status).toBe(201);
    expect((await auditor.api('GET', `/api/evidence/${id}`)).body.data.storage.legalHold).toBe(true);
    expect((await auditor.api('GET', '/api/evidence?held=true')).body.data).toHaveLength(1);
    const dispose = { reason: 'over', witness: legal.id };
    const refused = await house.admin.api('POST', `/api/evidence/${id}/dispose`, dispose);
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('legal hold')]);
    const path = `/api/evidence-holds/${set.body.data.id}/release`;
    expect((await legal.api('POST', path, { reason: 'over' })).status).toBe(409);
    expect((await analyst.api('POST', path, { reason: 'over' })).status).toBe(403);
    expect((await house.admin.api('POST', path, { reason: 'over' })).body.data.status).toBe('RELEASED');
    expect((await house.admin.api('POST', path, { reason: 'over' })).status).toBe(409);
    const gone = await house.admin.api('POST', `/api/evidence/${id}/dispose`, dispose);
    expect(gone.body.data).toMatchObject({
      status: 'DISPOSED',
      disposition: { by: house.admin.id, witness: legal.id },
    });
    expect(typesOf(await auditor.api('GET', `/api/evidence/${id}`))).toEqual([
      'evidence.begun',
      'evidence.preserved',
      'evidence.held',
      'evidence.released',
      'evidence.disposed',
      'evidence.gone',
    ]);
    expect(() => readFileSync(contentFile(id))).toThrow('ENOENT');
    expect((await legal.api('POST', `/api/evidence/${id}/download`, { reason: 'x' })).status).toBe(409);
  });

  it('is about one thing', async () => {
    for (const body of [{ reason: 'x' }, { reason: 'x', evidenceId: 'a', incidentId: 'b' }])
      expect((await legal.api('POST', '/api/evidence-holds', body)).status).toBe(400);
    expect((await legal.api('POST', '/api/evidence-holds', { reason: 'x', evidenceId: 'evd_no' })).status).toBe(404);
  });
});

describe('disposal', () => {
  it('waits for the end of its time, and for a witness who is somebody else', async () => {
    const kept = await handedIn('kind=file');
    const dispose = (id: string, witness: string) =>
      house.admin.api('POST', `/api/evidence/${id}/dispose`, { reason: 'over', witness });
    expect((await dispose(kept, legal.id)).body.detail).toContain('It is kept until');
    const free = await handedIn();
    expect((await dispose(free, house.admin.id)).body.errors?.[0]?.pointer).toBe('/witness');
    expect((await dispose(free, 'usr_nobody')).body.errors?.[0]?.pointer).toBe('/witness');
  });
});

it('leaves records and rows that verify', async () => {
  await house.halt();
  expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
});
