import { afterEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../platform/hash.ts';
import { startSandboxCompany, type SandboxCompany } from './server.ts';

// Casts of replies in this file are safe: where a shape is wrong the expectation that follows fails.
const TOKEN = 'a token for tests only';
const NOW = 1_772_323_200_000;
const HEADERS = { authorization: `Bearer ${TOKEN}` };
let company: SandboxCompany | null = null;

afterEach(async () => {
  await company?.stop();
  company = null;
});

async function start(): Promise<string> {
  company = await startSandboxCompany({ port: 0, token: TOKEN, clock: { now: () => NOW } });
  return company.url;
}

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const reply = await fetch(`${company?.url}${path}`, { method, headers: { ...HEADERS, ...headers }, ...text });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

async function bytesOf(path: string): Promise<{ bytes: Buffer; revision: string | null }> {
  const reply = await fetch(`${company?.url}${path}`, { headers: HEADERS });
  return { bytes: Buffer.from(await reply.arrayBuffer()), revision: reply.headers.get('etag') };
}

function connections(from: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return call('POST', '/hosts/ws-anna/connections', { from });
}

describe('hosts and segments', () => {
  it('lets nobody but the management path to an isolated host, and everybody when it is let go', async () => {
    await start();
    expect((await connections('segment')).status).toBe(200);
    expect((await call('POST', '/hosts/ws-anna/isolate', {}, { 'idempotency-key': 'k1' })).status).toBe(200);
    expect((await connections('segment')).body).toMatchObject({ error: { code: 'host_isolated' } });
    expect((await connections('outside')).status).toBe(403);
    expect((await connections('management')).status).toBe(200);
    expect((await call('GET', '/hosts/ws-anna?reference=k1')).body).toMatchObject({
      host: { isolated: { owner: 'k1' }, reachable: { management: true, segment: false, outside: false } },
      marks: [{ effect: 'host.isolate' }],
    });
    expect((await call('POST', '/hosts/ws-anna/isolate', {})).body).toMatchObject({
      error: { code: 'already_isolated' },
    });
    expect((await call('POST', '/hosts/ws-anna/release', {})).status).toBe(200);
    expect((await connections('outside')).status).toBe(200);
    expect((await call('POST', '/hosts/ws-anna/release', {})).status).toBe(409);
  });

  it('closes an isolated segment to the outside, and leaves its hosts to each other', async () => {
    await start();
    await call('POST', '/segments/seg-office/isolate', { reason: 'worm' });
    expect((await connections('outside')).body).toMatchObject({ error: { code: 'segment_isolated' } });
    expect((await connections('segment')).status).toBe(200);
    expect((await call('GET', '/segments/seg-office')).body).toMatchObject({
      segment: { hosts: ['ws-anna', 'ws-bela'] },
    });
    await call('POST', '/segments/seg-office/restore', {});
    expect((await connections('outside')).status).toBe(200);
  });

  it('refuses a stale version and what there is not', async () => {
    await start();
    expect((await call('POST', '/hosts/ws-anna/isolate', {}, { 'if-match': '"7"' })).status).toBe(412);
    expect((await call('GET', '/hosts/nowhere')).body).toMatchObject({ error: { code: 'host_not_found' } });
    expect((await call('GET', '/segments/nowhere')).body).toMatchObject({ error: { code: 'segment_not_found' } });
    const orphan = { hosts: [{ id: 'x', segmentId: 'nowhere' }] };
    expect((await call('POST', '/seed', orphan)).body).toMatchObject({ error: { pointer: '/hosts/0/segmentId' } });
    const twice = { segments: [{ id: 'seg-office' }] };
    expect((await call('POST', '/seed', twice)).body).toMatchObject({ error: { code: 'segment_exists' } });
  });
});

describe('credentials', () => {
  it('let nobody in while they are disabled, and are the same afterwards', async () => {
    await start();
    const from = { ip: '198.51.100.9', country: 'DE' };
    await call('POST', '/users/anna/credentials/disable', {});
    expect((await call('POST', '/users/anna/sessions', from)).body).toMatchObject({
      error: { code: 'credentials_disabled' },
    });
    expect((await call('GET', '/users/anna')).body).toMatchObject({ user: { tokens: [{ effective: false }] } });
    expect((await call('POST', '/users/anna/credentials/disable', {})).status).toBe(409);
    await call('POST', '/users/anna/credentials/enable', {});
    expect((await call('GET', '/users/anna')).body).toMatchObject({ user: { tokens: [{ effective: true }] } });
    expect((await call('POST', '/users/anna/sessions', from)).status).toBe(200);
  });
});

describe('files and images', () => {
  const DISK = '/hosts/ws-anna/images/disk';
  const CAPTURE = '/hosts/ws-anna/files?path=/tmp/pcap_capture.pcap';

  it('gives the same bytes each time, also of an isolated host, and others for another', async () => {
    await start();
    const first = await bytesOf(DISK);
    await call('POST', '/hosts/ws-anna/isolate', {});
    expect(sha256Hex((await bytesOf(DISK)).bytes)).toBe(sha256Hex(first.bytes));
    expect(first.bytes.length).toBe(4 * 1024 * 1024);
    expect(sha256Hex((await bytesOf('/hosts/ws-bela/images/disk')).bytes)).not.toBe(sha256Hex(first.bytes));
    const log = await bytesOf('/hosts/ws-anna/files?path=/tmp/network_connections.log');
    expect(log.bytes.toString()).toContain('203.0.113.50:443 ESTABLISHED ws-anna');
    expect((await call('GET', '/hosts/ws-anna/files?path=/etc/none')).body).toMatchObject({
      error: { code: 'file_not_found' },
    });
  });

  it('has any size without holding it', async () => {
    await start();
    const size = 150 * 1024 * 1024;
    await call('POST', '/seed', { hosts: [{ id: 'big', segmentId: 'seg-office', diskBytes: size }] });
    const before = process.memoryUsage().rss;
    const reply = await fetch(`${company?.url}/hosts/big/images/disk`, { headers: HEADERS });
    let read = 0;
    // Safe: fetch gives a body of bytes, which Node can iterate.
    for await (const piece of reply.body as unknown as AsyncIterable<Uint8Array>) read += piece.length;
    expect(read).toBe(size);
    expect(process.memoryUsage().rss - before).toBeLessThan(size / 2);
  });

  it('changes under the reader when it is told to, and says so by its revision', async () => {
    await start();
    const quiet = await bytesOf(CAPTURE);
    await call('POST', '/faults', { kind: 'changing_file', times: 1 });
    const changed = await bytesOf(CAPTURE);
    expect(changed.revision).toBe('"1"');
    expect(changed.bytes.subarray(0, 150_000)).toEqual(quiet.bytes.subarray(0, 150_000));
    expect(changed.bytes.equals(quiet.bytes)).toBe(false);
    expect((await bytesOf(CAPTURE)).revision).toBe('"2"');
  });

  it('breaks off after as many bytes as it was told', async () => {
    await start();
    await call('POST', '/faults', { kind: 'partial_stream', afterBytes: 100_000, times: 1 });
    await expect(bytesOf(DISK)).rejects.toThrow();
    expect((await bytesOf(DISK)).bytes.length).toBe(4 * 1024 * 1024);
  });
});
