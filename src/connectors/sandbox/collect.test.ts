import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../pipeline/actions/contract.ts';
import { contextOf, testbed } from '../../../tests/support/sandbox-testbed.ts';

const bed = testbed();
const HOST = { type: 'host', id: 'srv-files-01' } as const;
const LOG = '/tmp/network_connections.log';
const CAPTURE = '/tmp/pcap_capture.pcap';

afterEach(async () => {
  await bed.raw('DELETE', '/faults');
});

const collected = (key: string) => bed.evidence().kept.filter(({ artifact }) => artifact.key.startsWith(key));

async function collect(type: string, parameters: object, key: string) {
  return bed.handler(type).perform(HOST, parameters, null, contextOf(key));
}

async function says(type: string, parameters: object, key: string): Promise<string | undefined> {
  return (await bed.handler(type).verify?.(HOST, parameters, null, null, contextOf(key)))?.says;
}

async function errorOf(call: Promise<unknown>): Promise<ConnectorError> {
  const thrown: unknown = await call.catch((error: unknown) => error);
  if (thrown instanceof ConnectorError) return thrown;
  throw new Error('it did not fail as a connector fails', { cause: thrown });
}

describe('PRESERVE_ARTIFACTS', () => {
  const parameters = { paths: [LOG, CAPTURE] };

  it('keeps each file with where it came from, and reads that back', async () => {
    const key = randomUUID();
    expect(await says('PRESERVE_ARTIFACTS', parameters, key)).toBe('absent');
    const outcome = await collect('PRESERVE_ARTIFACTS', parameters, key);
    expect(outcome).toMatchObject({
      changed: true,
      artifacts: [
        { location: LOG, complete: true, altered: null },
        { location: CAPTURE, size: 300_000, complete: true, altered: null },
      ],
    });
    const [log] = collected(key);
    expect(log?.bytes.toString()).toContain('203.0.113.50:443 ESTABLISHED srv-files-01');
    expect(log?.artifact).toMatchObject({
      key: `${key}/0`,
      kind: 'file',
      name: 'network_connections.log',
      source: { system: 'sandbox', host: 'srv-files-01', location: LOG },
      origin: { executionId: 'exe_test', actionId: 'action' },
    });
    expect(await says('PRESERVE_ARTIFACTS', parameters, key)).toBe('holds');
  });

  it('keeps nothing twice when it is repeated under its key', async () => {
    const key = randomUUID();
    const first = await collect('PRESERVE_ARTIFACTS', parameters, key);
    expect(await collect('PRESERVE_ARTIFACTS', parameters, key)).toEqual(first);
    expect(collected(key)).toHaveLength(2);
  });

  it('says that a file changed while it was read, and keeps what came', async () => {
    const key = randomUUID();
    await bed.raw('POST', '/faults', { kind: 'changing_file', times: 1, match: { pathIncludes: '/files' } });
    const outcome = await collect('PRESERVE_ARTIFACTS', { paths: [CAPTURE] }, key);
    expect(outcome).toMatchObject({ artifacts: [{ altered: 'the file changed while it was read' }] });
    expect(collected(key)[0]?.altered).toBe('the file changed while it was read');
  });

  it('says of what broke off that trying again may help, keeps the part, and the next try the whole', async () => {
    const key = randomUUID();
    await bed.raw('POST', '/faults', { kind: 'partial_stream', afterBytes: 70_000, times: 1 });
    const error = await errorOf(collect('PRESERVE_ARTIFACTS', { paths: [CAPTURE, LOG] }, key));
    expect(error).toMatchObject({ code: 'artifact_partial', retryable: true, resultUnknown: false });
    expect(error.message).toContain(CAPTURE);
    // The other file was collected all the same.
    expect(collected(key).map(({ artifact }) => artifact.name)).toEqual([
      'pcap_capture.pcap',
      'network_connections.log',
    ]);
    expect(collected(key)[0]?.bytes.length).toBeLessThan(300_000);
    expect(await says('PRESERVE_ARTIFACTS', { paths: [CAPTURE, LOG] }, key)).toBe('absent');
    await collect('PRESERVE_ARTIFACTS', { paths: [CAPTURE, LOG] }, key);
    expect(await says('PRESERVE_ARTIFACTS', { paths: [CAPTURE, LOG] }, key)).toBe('holds');
    expect(collected(key).map(({ bytes }) => bytes.length)).toEqual([expect.any(Number), expect.any(Number), 300_000]);
  });

  it('fails for a file that is not there by its name, for good, and keeps the rest', async () => {
    const key = randomUUID();
    const error = await errorOf(collect('PRESERVE_ARTIFACTS', { paths: ['/tmp/none', LOG] }, key));
    expect(error).toMatchObject({ code: 'file_not_found', retryable: false, resultUnknown: false });
    expect(error.message).toContain('/tmp/none');
    expect(collected(key)).toHaveLength(1);
  });

  it('keeps what fitted when the store is full in the middle, and says so', async () => {
    const key = randomUUID();
    bed.limitEvidence(100_000);
    const error = await errorOf(collect('PRESERVE_ARTIFACTS', { paths: [CAPTURE] }, key));
    bed.limitEvidence(Infinity);
    expect(error).toMatchObject({ code: 'artifact_partial', resultUnknown: false });
    expect(collected(key)[0]?.bytes.length).toBeGreaterThan(0);
  });

  it('stops when it is given up', async () => {
    const gone = new AbortController();
    gone.abort(new Error('given up'));
    const { perform } = bed.handler('PRESERVE_ARTIFACTS');
    await expect(perform(HOST, parameters, null, contextOf(randomUUID(), gone.signal))).rejects.toThrow('given up');
  });

  it.each([
    ['relative', 'tmp/a'],
    ['a folder', '/tmp/'],
    ['the way up', '/tmp/../etc/shadow'],
    ['the way up at the end', '/tmp/..'],
    ['a dot', '/./a'],
    ['NUL', '/tmp/a\0.log'],
    ['a line break', '/tmp/a\nb'],
    ['half a character', '/tmp/\ud800'],
    ['too long', `/${'a'.repeat(4_096)}`],
    ['empty', ''],
  ])('refuses a path: %s', async (_why, path) => {
    const key = randomUUID();
    expect(await errorOf(collect('PRESERVE_ARTIFACTS', { paths: [path] }, key))).toMatchObject({
      code: 'invalid_parameters',
      retryable: false,
      resultUnknown: false,
    });
    expect(collected(key)).toEqual([]);
  });

  it('refuses no path, too many, and anything else', () => {
    const { parameters: schema } = bed.handler('PRESERVE_ARTIFACTS');
    const many = Array.from({ length: 65 }, (_, index) => `/tmp/${index}`);
    for (const wrong of [{}, { paths: [] }, { paths: many }, { paths: ['/a'], more: 1 }, { paths: [1] }])
      expect(schema.safeParse(wrong).success).toBe(false);
  });
});

describe('imaging', () => {
  it('keeps the disk', async () => {
    const key = randomUUID();
    await collect('TRIGGER_FULL_DISK_IMAGING', {}, key);
    expect(collected(key).map(({ artifact, bytes }) => [artifact.kind, bytes.length])).toEqual([
      ['disk-image', 4 * 1024 * 1024],
    ]);
    expect(await says('TRIGGER_FULL_DISK_IMAGING', {}, key)).toBe('holds');
  });

  it('keeps the memory before the disk, also of an isolated host', async () => {
    const key = randomUUID();
    await bed.raw('POST', '/hosts/srv-files-01/isolate', {});
    await collect('TRIGGER_FORENSIC_IMAGING', {}, key);
    await bed.raw('POST', '/hosts/srv-files-01/release', {});
    expect(collected(key).map(({ artifact }) => [artifact.kind, artifact.name])).toEqual([
      ['memory-image', 'memory_dump.mem'],
      ['disk-image', 'disk_image.raw'],
    ]);
  });

  it('names a host that is not there, and one that is no host', async () => {
    const imaging = bed.handler('TRIGGER_FULL_DISK_IMAGING');
    const nowhere = { type: 'host', id: 'nowhere' } as const;
    expect(await errorOf(imaging.perform(nowhere, {}, null, contextOf()))).toMatchObject({ code: 'host_not_found' });
    const user = { type: 'user', id: 'anna' } as const;
    expect(await errorOf(imaging.perform(user, {}, null, contextOf()))).toMatchObject({ code: 'invalid_target' });
  });
});
