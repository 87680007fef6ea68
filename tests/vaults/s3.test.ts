import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Vault } from '../../src/pipeline/evidence/vault.ts';
import type { S3VaultOptions } from '../../src/vaults/s3/vault.ts';
import { FAKE_KEY } from '../support/fake-s3-signature.ts';
import type { Lies } from '../support/fake-s3-store.ts';
import type { Fault } from '../support/fake-s3.ts';
import { hasOpenssl, mailKeys } from '../support/mail-certificates.ts';
import { contentOf, DAY_MS, digestsOf, KEY, NOW, options, pieces, REF, s3Bed, type S3Bed } from './beds.ts';

const MIB = 1024 * 1024;
const CONTENT = `cases/objects/${REF}/content`;
/** Fewer tries, and less patience, than a server has. */
const HASTY = { attempts: 2, silenceMs: 2_000, connectMs: 1_000, requestMs: 5_000 } as const;

let bed: S3Bed;
async function started(lies?: Lies): Promise<S3Bed> {
  bed = await s3Bed(lies);
  return bed;
}
afterEach(() => bed.stop());

async function written(vault: Vault, bytes: Uint8Array): Promise<{ readonly ref: string; readonly sha256: string }> {
  const { sha256, broken } = await vault.write(REF, pieces(bytes), options());
  expect(broken).toBeNull();
  return { ref: REF, sha256 };
}

describe('a start', () => {
  it.each<[string, Lies, string]>([
    ['has no Object Lock', { objectLock: 'none' }, 'has no Object Lock: name one in EVIDENCE_S3_BUCKET'],
    ['forgets locks', { retention: 'forgets' }, 'and has none'],
    ['shortens locks', { retention: 'shortens' }, 'and has COMPLIANCE until'],
    ['locks in another mode', { retention: 'governance' }, 'and has GOVERNANCE until'],
    ['removes what is locked', { retention: 'deletes' }, 'it has no Object Lock that counts'],
    ['forgets holds', { hold: 'forgets' }, 'took a legal hold and does not have it'],
    ['removes what is held', { hold: 'deletes' }, 'removes what a legal hold stands on'],
    ['compares no checksums', { checksums: 'ignored' }, 'takes bytes that are not those of their SHA-256'],
    ['lets us remove nothing', { forbidden: ['DeleteObject'] }, 's3:DeleteObjectVersion'],
    ['lets us read no lock', { forbidden: ['GetObjectRetention'] }, 'refuses GetObjectRetention on the bucket'],
    ['lets us see nothing', { forbidden: ['GetObjectLockConfiguration'] }, 'docs/evidence-store.md'],
  ])('is refused where the store %s', async (_what, lies, sentence) => {
    await started(lies);
    await expect(bed.openWith()).rejects.toThrow(sentence);
  });

  it('is refused with the fix where the configuration is wrong, and shows no secret', async () => {
    await started();
    const wrong = { accessKeyId: FAKE_KEY.id, secretAccessKey: 'a wrong secret', sessionToken: null };
    await expect(bed.openWith({ credentials: wrong })).rejects.toThrow('correct EVIDENCE_S3_ACCESS_KEY_ID');
    await expect(bed.openWith({ credentials: wrong })).rejects.not.toThrow('a wrong secret');
    await expect(bed.openWith({ bucket: 'another' })).rejects.toThrow('There is no bucket another');
    await expect(bed.openWith({ region: 'us-west-2' })).rejects.toThrow('correct EVIDENCE_S3_REGION');
  });

  it('is refused where the clocks differ by more than the store takes', async () => {
    await started();
    bed.s3.skewMs = 60 * 60_000;
    await expect(bed.openWith()).rejects.toThrow('60 min behind that of the evidence store: set it (NTP)');
    bed.s3.skewMs = -20 * 60_000;
    await expect(bed.openWith()).rejects.toThrow('20 min ahead of');
  });

  it('is held up by no outage: what is asked next tries it again', async () => {
    await started();
    bed.s3.fault('GetObjectLockConfiguration', { type: 'error', status: 503, code: 'SlowDown' }, 4);
    const vault = await bed.openWith({ limits: HASTY });
    expect(vault.immutable).toBe('by-operator');
    expect(bed.faults[0]).toMatchObject({ code: 'unavailable', kind: 'outage' });
    await expect(vault.write(REF, pieces(Buffer.from('x')), options())).rejects.toMatchObject({ code: 'unavailable' });
    await written(vault, Buffer.from('x'));
    expect(vault.immutable).toBe('enforced');
  });

  it('leaves nothing behind but what its lock keeps for a minute, which the next one removes', async () => {
    await started();
    await bed.openWith();
    expect([...bed.s3.store.keys.keys()]).toHaveLength(1);
    bed.passTime(10 * 60_000);
    await bed.openWith();
    expect([...bed.s3.store.keys.keys()]).toHaveLength(1);
  });
});

describe('what is written', () => {
  it('is locked with all that lies beside it, from its first moment', async () => {
    await started();
    const vault = await bed.openWith();
    const address = await written(vault, Buffer.from('x'));
    await vault.attach(address, 'x_meta.json', Buffer.from('{}'));
    const own = [...bed.s3.store.keys].filter(([key]) => key.startsWith('cases/objects/'));
    expect(own).toHaveLength(3);
    for (const [key, [version]] of own) {
      expect(version?.lock).toEqual({ mode: 'COMPLIANCE', until: NOW + DAY_MS });
      expect(() => bed.s3.store.remove(key, version?.id ?? '')).toThrow('object lock');
    }
    await vault.hold(address, true);
    await vault.retain(address, NOW + 2 * DAY_MS);
    for (const [, [version]] of own)
      expect(version).toMatchObject({ held: true, lock: { mode: 'COMPLIANCE', until: NOW + 2 * DAY_MS } });
  });

  it('is found under what somebody lays over it, which is said', async () => {
    await started();
    const vault = await bed.openWith();
    const address = await written(vault, Buffer.from('the original'));
    bed.s3.store.add(CONTENT, [Buffer.from('a forgery')], null, null);
    bed.s3.store.remove(`cases/objects/${REF}/${address.sha256}.json`, null);
    expect((await contentOf(vault, address)).toString()).toBe('the original');
    expect((await vault.stat(address))?.faults).toEqual([
      `Somebody has laid a delete marker over ${address.sha256}.json`,
      'Somebody has laid another version over content',
    ]);
    await expect(vault.write(REF, pieces(Buffer.from('y')), options())).rejects.toMatchObject({ code: 'taken' });
    expect(await vault.salvage(REF, options())).toMatchObject({ sha256: address.sha256, complete: true });
  });

  it('is written to no name that somebody has used before', async () => {
    await started();
    const vault = await bed.openWith();
    bed.s3.store.add(CONTENT, [Buffer.from('laid there in advance')], null, null);
    await expect(vault.write(REF, pieces(Buffer.from('x')), options())).rejects.toMatchObject({ code: 'taken' });
    expect(await vault.unfinished()).toEqual([]);
  });

  it('does not count as locked where the store has not locked it, and is kept all the same', async () => {
    await started();
    const vault = await bed.openWith();
    bed.s3.store.lies = { retention: 'forgets' };
    const { sha256, broken } = await vault.write(REF, pieces(Buffer.from('x')), options());
    expect(broken).toMatchObject({ by: 'store', why: expect.stringContaining('and has none') });
    expect(vault.immutable).toBe('by-operator');
    expect(bed.faults).toHaveLength(1);
    bed.s3.store.lies = {};
    expect((await vault.stat({ ref: REF, sha256 }))?.faults).toEqual(['No lock stands on it']);
    expect((await contentOf(vault, { ref: REF, sha256 })).toString()).toBe('x');
  });

  it('is kept and marked where it cannot be read back', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    bed.s3.fault('HeadObject', { type: 'error', status: 500, code: 'InternalError' }, 2);
    bed.s3.fault('DeleteObject', { type: 'error', status: 500, code: 'InternalError' }, 2);
    const { sha256, broken } = await vault.write(REF, pieces(Buffer.from('x')), options());
    expect(broken).toMatchObject({ by: 'store', why: expect.stringContaining('HeadObject') });
    expect((await contentOf(vault, { ref: REF, sha256 })).toString()).toBe('x');
    expect(await vault.unfinished()).toEqual([REF]);
    expect(await vault.salvage(REF, options())).toMatchObject({ sha256, complete: true });
    expect(await vault.unfinished()).toEqual([]);
  });

  it('holds nothing of the clear content under a key of ours', async () => {
    await started();
    const vault = await bed.openWith({ keys: [KEY] });
    const address = await written(vault, Buffer.from('a very clear sentence'));
    for (const versions of bed.s3.store.keys.values())
      for (const { pieces: stored } of versions) expect(Buffer.concat(stored).includes('clear')).toBe(false);
    const other = await bed.openWith({ keys: [{ id: 'ffeeddccbbaa9988', secret: Buffer.alloc(32, 8) }] });
    await expect(contentOf(other, address)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each<'ignored' | 'refused'>(['ignored', 'refused'])(
    'has its name once also where the store knows no conditional writes (%s)',
    async (conditions) => {
      await started({ conditions });
      const [one, other] = [await bed.openWith(), await bed.openWith()];
      const ended = await Promise.allSettled([
        one.write(REF, pieces(Buffer.from('one')), options()),
        other.write(REF, pieces(Buffer.from('other')), options()),
      ]);
      expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(one.write(REF, pieces(Buffer.from('third')), options())).rejects.toMatchObject({ code: 'taken' });
      expect(bed.s3.store.keys.get(CONTENT)).toHaveLength(1);
      const won = ended[0]?.status === 'fulfilled' ? 'one' : 'other';
      const address = { ref: REF, sha256: digestsOf(Buffer.from(won)).sha256 };
      await one.attach(address, 'x_meta.json', Buffer.from('{}'));
      await expect(one.attach(address, 'x_meta.json', Buffer.from('[]'))).rejects.toMatchObject({ code: 'taken' });
      expect((await one.stat(address))?.faults).toEqual([]);
    },
  );
});

describe('a write', () => {
  const small = Buffer.from('a small one');
  const large = randomBytes(17 * MIB);

  it.each<[string, string, Fault, number, Buffer]>([
    ['a store that is busy', 'PutObject', { type: 'error', status: 503, code: 'SlowDown' }, 2, small],
    ['a store that fails', 'UploadPart', { type: 'error', status: 500, code: 'InternalError' }, 2, large],
    ['a line that is cut within a part', 'UploadPart', { type: 'cut-request' }, 2, large],
    ['a line that is cut within a small one', 'PutObject', { type: 'cut-request' }, 1, small],
    ['a lost answer to each request of it', 'PutObject', { type: 'lost-reply' }, 3, small],
    ['a lost answer to the beginning of an upload', 'CreateMultipartUpload', { type: 'lost-reply' }, 1, large],
    ['a lost answer to a part', 'UploadPart', { type: 'lost-reply' }, 2, large],
    ['a lost answer to its end', 'CompleteMultipartUpload', { type: 'lost-reply' }, 1, large],
    ['a lost answer to the removal of its claim', 'DeleteObject', { type: 'lost-reply' }, 1, small],
  ])('survives %s', async (_what, operation, fault, times, bytes) => {
    await started();
    const vault = await bed.openWith();
    bed.s3.fault(operation, fault, times);
    const address = await written(vault, bytes);
    expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
    expect(await vault.stat(address)).toMatchObject({ faults: [], retainUntil: NOW + DAY_MS });
    expect(bed.s3.store.keys.get(CONTENT)).toHaveLength(1);
    expect(await vault.unfinished()).toEqual([]);
  });

  it('that the store does not take to its end keeps what it took', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    const content = (async function* () {
      yield* pieces(large.subarray(0, 16 * MIB));
      await bed.arrived(REF, 16 * MIB);
      bed.s3.fault('UploadPart', { type: 'error', status: 500, code: 'InternalError' }, 4);
      yield* pieces(randomBytes(2 * MIB));
    })();
    const found = await vault.write(REF, content, options());
    expect(found).toMatchObject({ ...digestsOf(large.subarray(0, 16 * MIB)), broken: { by: 'store' } });
    expect(await vault.salvage(REF, options())).toMatchObject({ complete: false });
  });

  it('that ends before the last request is made whole by whoever finds it', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    bed.s3.fault('CompleteMultipartUpload', { type: 'error', status: 500, code: 'InternalError' }, 4);
    await expect(vault.write(REF, pieces(large), options())).rejects.toMatchObject({ code: 'unavailable' });
    expect(await vault.unfinished()).toEqual([REF]);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(large), complete: true });
    expect((await contentOf(vault, { ref: REF, ...digestsOf(large) })).equals(large)).toBe(true);
    expect(await vault.unfinished()).toEqual([]);
  });

  it('whose parts a rule of the bucket has removed has left nothing', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    bed.s3.fault('CompleteMultipartUpload', { type: 'error', status: 500, code: 'InternalError' }, 4);
    await expect(vault.write(REF, pieces(large), options())).rejects.toMatchObject({ code: 'unavailable' });
    bed.s3.store.uploads.clear();
    expect(await vault.salvage(REF, options())).toBeNull();
    expect(await vault.unfinished()).toEqual([]);
  });
});

describe('a read', () => {
  it.each([
    ['small', 100_000, 50_000],
    ['in parts', 17 * MIB, 3 * MIB],
  ])(
    'finds a bit that changed in the store, in a whole one and in a range of one that is %s',
    async (_what, size, at) => {
      await started();
      const vault = await bed.openWith();
      const address = await written(vault, randomBytes(size));
      bed.s3.store.flip(CONTENT, at);
      await expect(contentOf(vault, address)).rejects.toMatchObject({ code: 'damaged' });
      // The range itself is intact: that nobody can know without the rest of its part.
      await expect(contentOf(vault, address, { start: 10, end: 20 })).rejects.toMatchObject({ code: 'damaged' });
      if (size < 16 * MIB) return;
      const end = { start: 16 * MIB + 5, end: 16 * MIB + 9 };
      expect(await contentOf(vault, address, end)).toHaveLength(4);
    },
  );

  it('goes on where the line was cut or went silent', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    const bytes = randomBytes(300_000);
    const address = await written(vault, bytes);
    bed.s3.fault('GetObject', { type: 'wait', until: Promise.resolve() });
    bed.s3.fault('GetObject', { type: 'cut-reply', after: 100_000 });
    bed.s3.fault('GetObject', { type: 'silence', after: 50_000 });
    bed.s3.fault('GetObject', { type: 'error', status: 503, code: 'SlowDown' });
    expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
  });

  it('ends with an error where nothing comes any more', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    const address = await written(vault, randomBytes(1_000));
    bed.s3.fault('GetObject', { type: 'wait', until: Promise.resolve() });
    bed.s3.fault('GetObject', { type: 'cut-reply', after: 0 }, 40);
    await expect(contentOf(vault, address)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('finds content that is gone and a note that is none', async () => {
    await started();
    const vault = await bed.openWith();
    const address = await written(vault, Buffer.from('x'));
    bed.s3.store.keys.delete(CONTENT);
    expect(await vault.stat(address)).toBeNull();
    await expect(contentOf(vault, address)).rejects.toMatchObject({ code: 'missing' });
    const note = `cases/objects/${REF}/${address.sha256}.json`;
    for (const text of ['', 'null', '{"__proto__":{"size":1}}', '[]', '{"size":-1}']) {
      bed.s3.store.keys.clear();
      bed.s3.store.add(CONTENT, [Buffer.from('x')], null, null);
      bed.s3.store.add(note, [Buffer.from(text)], null, null);
      await expect(contentOf(vault, address)).rejects.toMatchObject({ code: 'damaged' });
    }
  });
});

describe('a removal', () => {
  it('waits for the clock of the store, whatever ours says', async () => {
    await started();
    const vault = await bed.openWith();
    const address = await written(vault, Buffer.from('x'));
    await expect(vault.destroy(address, NOW + 2 * DAY_MS)).rejects.toMatchObject({
      code: 'kept',
      message: expect.stringContaining(new Date(NOW + DAY_MS).toISOString()),
    });
    expect((await contentOf(vault, address)).toString()).toBe('x');
  });

  it('that was cut off is gone on with', async () => {
    await started();
    const vault = await bed.openWith({ limits: HASTY });
    const address = await written(vault, Buffer.from('x'));
    bed.passTime(2 * DAY_MS);
    bed.s3.fault('DeleteObject', { type: 'wait', until: Promise.resolve() });
    bed.s3.fault('DeleteObject', { type: 'error', status: 500, code: 'InternalError' }, 2);
    await expect(vault.destroy(address, NOW + 2 * DAY_MS)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await vault.stat(address)).toBeNull();
    await vault.destroy(address, NOW + 2 * DAY_MS);
    expect([...bed.s3.store.keys.keys()].filter((key) => key.startsWith('cases/objects/'))).toEqual([]);
  });

  it('touches nothing that lies elsewhere in the bucket', async () => {
    await started();
    const vault = await bed.openWith();
    const other = await bed.openWith({ prefix: 'cases/objects-of-others/' });
    expect(other.id).not.toBe(vault.id);
    const address = await written(vault, Buffer.from('x'));
    await expect(other.read(address)).rejects.toMatchObject({ code: 'missing' });
    bed.passTime(2 * DAY_MS);
    await other.destroy(address, NOW + 2 * DAY_MS);
    expect((await contentOf(vault, address)).toString()).toBe('x');
  });
});

describe('the way there', () => {
  it('leads to no private address that a name gives, unless that was said', async () => {
    await started();
    const port = new URL(bed.s3.url).port;
    const named = {
      endpoint: `http://store.example:${port}`,
      lookup: (...[, , done]: Parameters<NonNullable<S3VaultOptions['lookup']>>) =>
        done(null, [{ address: '127.0.0.1', family: 4 }]),
    };
    await expect(bed.openWith(named)).rejects.toThrow('needs its host:port in WEBHOOK_ALLOW');
    expect(bed.s3.seen).toEqual([]);
    await bed.openWith({ ...named, allowPrivate: [`store.example:${port}`] });
    for (const endpoint of ['https://169.254.169.254', 'https://[fd00:ec2::254]', 'https://192.0.2.1'])
      await expect(bed.openWith({ endpoint })).rejects.toThrow('at which there is no evidence store');
  });

  it('leads to no plain address that was not meant', async () => {
    await started();
    await expect(bed.openWith({ endpoint: 'http://192.0.2.1' })).rejects.toThrow('at which there is no evidence store');
    process.env['AWS_ENDPOINT_URL_S3'] = bed.s3.url;
    try {
      await expect(bed.openWith({ endpoint: null })).rejects.toThrow('by https only');
      expect(bed.s3.seen).toEqual([]);
    } finally {
      delete process.env['AWS_ENDPOINT_URL_S3'];
    }
  });

  it.skipIf(!hasOpenssl)('ends at a certificate that nobody vouches for', async () => {
    await started();
    const { certificate: cert, privateKey: key } = mailKeys({ key: 'ec:P-256', extensions: [] });
    const server = createServer({ cert, key }, (_request, response) => void response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      await expect(bed.openWith({ endpoint: `https://127.0.0.1:${port}` })).rejects.toThrow('NODE_EXTRA_CA_CERTS');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
