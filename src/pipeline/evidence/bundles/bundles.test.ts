import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  archiveOf,
  CONTENTS,
  EVIDENCE_IDS,
  generateBundle,
  type GeneratedBundle,
} from '../../../../tests/support/generated-bundle.ts';
import { LOG_ORIGIN, signingKey } from '../../../../tests/support/generated-log.ts';
import { startAuthority, type LocalAuthority } from '../../../../tests/support/time-stamp-authority.ts';
import { timeStampRequest } from '../../../timestamps/time-stamp-request.ts';
import { tokenOf } from '../../../timestamps/time-stamp.ts';
import { signCheckpoint } from '../../audit/checkpoint.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import { blocksIn, openBundle, tarSource } from './bundle-source.ts';
import { entryHeader, isEntryName, paddingOf, claimOf, END } from './ustar.ts';
import { verifyBundle, type BundleTrust, type BundleVerification } from './verify-bundle.ts';

const NO_TRUST: BundleTrust = { keys: null, anchors: [], roots: [] };

let scratch: string;
let bundle: GeneratedBundle;
let archive: Buffer;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'firebreak-bundle-'));
  bundle = await generateBundle();
  archive = await archiveOf(bundle);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function verify(bytes: Buffer, trust: Partial<BundleTrust> = {}): Promise<BundleVerification> {
  return verifyBundle(tarSource(blocksIn(bytes)), { ...NO_TRUST, ...trust });
}

interface Entry {
  readonly name: string;
  /** Where its header begins, its content, and the padding behind it. */
  readonly header: number;
  readonly content: number;
  readonly size: number;
}

function entriesOf(bytes: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.length;) {
    const claim = claimOf(bytes.subarray(at, at + 512));
    if (claim === null) break;
    entries.push({ name: claim.name, header: at, content: at + 512, size: claim.size });
    at += 512 + claim.size + paddingOf(claim.size).length;
  }
  return entries;
}

/** A copy, to be spoilt. */
const pieceOf = ({ header, content, size }: Entry): Buffer =>
  Buffer.from(archive.subarray(header, content + size + paddingOf(size).length));

describe('a bundle', () => {
  it('is intact, and says by whom it was signed and what is in it', async () => {
    const verified = await verify(archive);
    expect(verified).toMatchObject({
      verdict: 'intact',
      file: null,
      problem: null,
      key: { name: LOG_ORIGIN, from: 'bundle' },
      records: 10,
      anchored: null,
    });
    expect(verified.manifest).toEqual(bundle.sealed.manifest);
    expect(archive.length).toBe(bundle.sealed.size);
  });

  it('is the same to the last byte when it is made again', async () => {
    const again = await archiveOf(await generateBundle({ signing: bundle.signing }));
    expect(again.equals(archive)).toBe(true);
  });

  it('is read by any tar program as the files that were sealed', async () => {
    const found = new Map<string, Buffer>();
    const reader = extract();
    reader.on('entry', (header, stream, next) => {
      const blocks: Buffer[] = [];
      stream.on('data', (block) => void blocks.push(block as Buffer)); // tar-stream gives bytes
      stream.on('end', () => {
        expect(header.type).toBe('file');
        found.set(header.name, Buffer.concat(blocks));
        next();
      });
    });
    await finished(Readable.from([archive]).pipe(reader));
    expect([...found.keys()]).toEqual(entriesOf(archive).map(({ name }) => name));
    for (const [index, id] of EVIDENCE_IDS.entries()) expect(found.get(`evidence/${id}`)).toEqual(CONTENTS[index]);
  });

  it('with any byte of any file changed is found out, and the file is named', async () => {
    const missed: string[] = [];
    for (const { name, content, size } of entriesOf(archive)) {
      for (let at = content; at < content + size; at += 1) {
        const spoilt = Buffer.from(archive);
        spoilt[at] = (spoilt[at] ?? 0) ^ (1 << (at % 8));
        const { verdict, file } = await verify(spoilt);
        if (verdict === 'intact' || file !== name) missed.push(`${name} + ${at - content}: ${verdict} at ${file}`);
      }
    }
    expect(missed).toEqual([]);
  });

  it('with any byte between its files changed is found out', async () => {
    const missed: number[] = [];
    const inFiles = entriesOf(archive).map(({ content, size }) => [content, content + size] as const);
    for (let at = 0; at < archive.length; at += 11) {
      if (inFiles.some(([start, end]) => at >= start && at < end)) continue;
      const spoilt = Buffer.from(archive);
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x20;
      if ((await verify(spoilt)).verdict === 'intact') missed.push(at);
    }
    expect(missed).toEqual([]);
  });

  it('that was cut off anywhere is never intact, and is called truncated', async () => {
    for (let length = 0; length < archive.length; length += 311) {
      expect((await verify(archive.subarray(0, length))).verdict).toBe('truncated');
    }
    expect((await verify(archive.subarray(0, -1))).verdict).toBe('truncated');
  });

  it('names the record that was changed', async () => {
    const at = archive.indexOf('"APPROVE"');
    const spoilt = Buffer.from(archive);
    spoilt.write('"APPROVX"', at);
    expect(await verify(spoilt)).toMatchObject({
      verdict: 'changed',
      file: 'records.ndjson',
      problem: expect.stringContaining('Record execution/exe_1 #2 is not the one that the log has'),
    });
  });
});

describe('an archive that is not as it was made', () => {
  const rebuilt = (change: (pieces: Map<string, Buffer>) => void): Buffer => {
    const pieces = new Map(entriesOf(archive).map((entry) => [entry.name, pieceOf(entry)] as const));
    change(pieces);
    return Buffer.concat([...pieces.values(), END]);
  };
  const entry = (name: string, content: string): Buffer => {
    const bytes = Buffer.from(content);
    return Buffer.concat([entryHeader(name, bytes.length, 1_780_000_060), bytes, paddingOf(bytes.length)]);
  };

  it.each<[string, string | null, (pieces: Map<string, Buffer>) => void]>([
    ['a file added', 'evidence/evi_d', (pieces) => pieces.set('more', entry('evidence/evi_d', 'x'))],
    ['a file removed', 'evidence/evi_b', (pieces) => pieces.delete('evidence/evi_b')],
    ['the last file removed', 'evidence/evi_c', (pieces) => pieces.delete('evidence/evi_c')],
    ['the manifest removed', 'manifest.json', (pieces) => pieces.delete('manifest.json')],
    ['the signature removed', 'bundle.note', (pieces) => pieces.delete('bundle.note')],
    ['a file renamed', 'evidence/evi_a', (pieces) => pieces.get('evidence/evi_a')?.write('evidence/evi_z')],
    ['two files of one name', 'evidence/evi_c', (pieces) => pieces.set('again', pieces.get('evidence/evi_c') ?? END)],
    [
      'a time stamp added',
      'VERIFY.md',
      (pieces) => pieces.set('VERIFY.md', Buffer.concat([entry('manifest.tsr', 'x'), pieces.get('VERIFY.md') ?? END])),
    ],
    ['a path that leads out', null, (pieces) => pieces.set('more', entry('../../etc/cron.d/x', 'x'))],
    ['an absolute path', null, (pieces) => pieces.set('more', entry('/etc/passwd', 'x'))],
    ['something behind its end', null, (pieces) => pieces.set('more', Buffer.concat([END, Buffer.from('x')]))],
    ['half a block behind its end', null, (pieces) => pieces.set('more', Buffer.alloc(512))],
  ])('is found out: %s', async (_name, file, change) => {
    const { verdict, file: named, problem } = await verify(rebuilt(change));
    expect([verdict, named]).toEqual(['changed', file]);
    expect(problem).not.toBeNull();
  });

  it.each(['symlink', 'link', 'directory', 'character-device', 'fifo'] as const)(
    'is found out: a %s in it',
    async (type) => {
      const packed = pack();
      packed.entry({ name: 'evidence/evi_a', type, linkname: '/etc/passwd', size: 0 });
      packed.finalize();
      const blocks: Buffer[] = [];
      for await (const block of packed) blocks.push(block as Buffer); // tar-stream gives bytes
      const other = Buffer.concat(blocks).subarray(0, 512);
      const spoilt = rebuilt((pieces) => pieces.set('evidence/evi_a', other));
      expect(await verify(spoilt)).toMatchObject({ verdict: 'changed', file: 'evidence/evi_a' });
    },
  );

  it.each([8 ** 11 - 1, 100 * 1024 ** 3, 2 ** 53, 2 ** 62])(
    'is found out, at once, where a file says that it has %d bytes',
    async (size) => {
      for (const name of ['bundle.note', 'manifest.json', 'records.ndjson', 'evidence/evi_a']) {
        const spoilt = rebuilt((pieces) => entryHeader(name, size, 1_780_000_060).copy(pieces.get(name) ?? END));
        const { verdict, file } = await verify(spoilt);
        expect([verdict === 'intact', file]).toEqual([false, name]);
      }
    },
  );

  it('is found out where it is no archive at all', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('PK\u0003\u0004'),
      Buffer.alloc(10_240),
      Buffer.alloc(2_048, 0xff),
    ]) {
      expect((await verify(bytes)).verdict).not.toBe('intact');
    }
  });
});

describe('a bundle that was unpacked', () => {
  let good: string;
  beforeAll(() => {
    good = join(scratch, 'good');
    for (const { name, content, size } of entriesOf(archive)) {
      mkdirSync(dirname(join(good, name)), { recursive: true });
      writeFileSync(join(good, name), archive.subarray(content, content + size));
    }
  });
  const verifyFolder = async (change: (folder: string) => void): Promise<BundleVerification> => {
    const folder = mkdtempSync(join(scratch, 'unpacked-'));
    cpSync(good, folder, { recursive: true });
    change(folder);
    return verifyBundle(await openBundle(folder), NO_TRUST);
  };

  it('is intact, and so is the archive beside it', async () => {
    expect((await verifyFolder(() => undefined)).verdict).toBe('intact');
    const file = join(scratch, 'bundle.tar');
    writeFileSync(file, archive);
    expect((await verifyBundle(await openBundle(file), NO_TRUST)).verdict).toBe('intact');
  });

  it.each<[string, string, (folder: string) => void]>([
    [
      'a byte changed',
      'evidence/evi_a',
      (folder) => writeFileSync(join(folder, 'evidence/evi_a'), 'onE line of a log\n'),
    ],
    ['a byte added', 'report.html', (folder) => appendFileSync(join(folder, 'report.html'), ' ')],
    ['a file cut off', 'keys.json', (folder) => truncateSync(join(folder, 'keys.json'), 5)],
    ['a file removed', 'evidence/evi_b', (folder) => unlinkSync(join(folder, 'evidence/evi_b'))],
    ['a file added', 'evidence/more', (folder) => writeFileSync(join(folder, 'evidence/more'), 'x')],
    ['a file renamed', 'checkpoint', (folder) => renameSync(join(folder, 'checkpoint'), join(folder, 'checkpoint2'))],
    [
      'a folder in place of a file',
      'VERIFY.md',
      (folder) => {
        unlinkSync(join(folder, 'VERIFY.md'));
        mkdirSync(join(folder, 'VERIFY.md'));
      },
    ],
    [
      'a link in place of a file',
      'evidence/evi_c',
      (folder) => {
        unlinkSync(join(folder, 'evidence/evi_c'));
        symlinkSync(join(good, 'evidence/evi_c'), join(folder, 'evidence/evi_c'));
      },
    ],
    [
      'a link in place of the folder',
      'evidence/evi_a',
      (folder) => {
        rmSync(join(folder, 'evidence'), { recursive: true });
        symlinkSync(join(good, 'evidence'), join(folder, 'evidence'));
      },
    ],
    ['a link added', 'evidence/link', (folder) => symlinkSync('/etc/passwd', join(folder, 'evidence/link'))],
  ])('is found out: %s', async (_name, file, change) => {
    expect(await verifyFolder(change)).toMatchObject({ verdict: 'changed', file });
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  const openssl3 = /^OpenSSL [3-9]/.test(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout);
  if (!python || !openssl3)
    process.stderr.write('SKIPPED: no python3 or no OpenSSL 3 here, so VERIFY.md is not followed\n');

  it.skipIf(!python || !openssl3)('is checked without Firebreak as VERIFY.md says, with the same answers', () => {
    const folder = mkdtempSync(join(scratch, 'guide-'));
    cpSync(good, folder, { recursive: true });
    const beside = mkdtempSync(join(scratch, 'script-'));
    const guide = readFileSync(join(folder, 'VERIFY.md'), 'utf8');
    writeFileSync(join(beside, 'verify.py'), /```python\n([\s\S]*?)```/.exec(guide)?.[1] ?? '');
    const run = (): string => {
      const { stdout, stderr } = spawnSync('python3', [join(beside, 'verify.py')], { cwd: folder, encoding: 'utf8' });
      return `${stdout}${stderr}`;
    };
    expect(run()).toBe('bun_1: 12 files and 10 records are as they were sealed\n');
    writeFileSync(join(beside, 'key.pem'), bundle.signing.signing.publicKey.export({ format: 'pem', type: 'spki' }));
    const [, command = ''] = /^ {4}openssl (pkeyutl.*)$/m.exec(guide) ?? [];
    const checked = spawnSync('openssl', command.split(' '), { cwd: beside, encoding: 'utf8' });
    expect(checked.stdout).toContain('Signature Verified Successfully');
    writeFileSync(join(folder, 'evidence/evi_a'), 'another');
    expect(run()).toContain('evidence/evi_a was changed');
  });
});

describe('who signed', () => {
  it('is checked against a key that was given, and then the one in the bundle counts nothing', async () => {
    expect(await verify(archive, { keys: [bundle.signing.key] })).toMatchObject({
      verdict: 'intact',
      key: { from: 'given' },
    });
    expect(await verify(archive, { keys: [signingKey().key] })).toMatchObject({ verdict: 'key_unknown' });
    expect(await verify(archive, { keys: [{ ...bundle.signing.key, toSize: 3 }] })).toMatchObject({
      verdict: 'signature_invalid',
      problem: expect.stringContaining('not in use'),
    });
  });

  it('is found out where everything was made anew with another key', async () => {
    const forged = await archiveOf(await generateBundle({ contents: CONTENTS }));
    expect((await verify(forged)).verdict).toBe('intact');
    expect((await verify(forged, { keys: [bundle.signing.key] })).verdict).toBe('key_unknown');
  });

  it('does not help where the custody is not that of the artefacts', async () => {
    const custody = [CONTENTS[0] ?? END, Buffer.from('another'), CONTENTS[2] ?? END];
    expect(await verify(await archiveOf(await generateBundle({ custody })))).toMatchObject({
      verdict: 'changed',
      file: 'evidence/evi_b',
      problem: expect.stringContaining('custody of evi_b'),
    });
  });
});

describe('checkpoints from elsewhere', () => {
  it('anchor a bundle of the same log: the one that it leads to, and earlier ones', async () => {
    for (const note of bundle.notes) {
      expect(await verify(archive, { anchors: ['x', note] })).toMatchObject({ verdict: 'intact', anchored: true });
    }
  });

  it('that are not in it leave it without an anchor; one that contradicts it finds it out', async () => {
    const { signing } = bundle.signing;
    const noteOf = (size: number): string =>
      signCheckpoint({ origin: LOG_ORIGIN, size, root: '0'.repeat(64) }, signing);
    expect(await verify(archive, { anchors: [noteOf(5)] })).toMatchObject({ verdict: 'not_anchored', anchored: false });
    expect(await verify(archive, { anchors: [noteOf(8)] })).toMatchObject({
      verdict: 'changed',
      problem: expect.stringContaining('written anew'),
    });
  });
});

describe('time stamps', () => {
  let local: LocalAuthority;
  beforeAll(async () => {
    local = await startAuthority();
  });
  afterAll(() => local.stop());
  const stamped = async (data: Buffer): Promise<Buffer> => {
    const found = tokenOf(local.reply(timeStampRequest(data, Buffer.alloc(8, 1))));
    if ('problem' in found) throw new Error(found.problem);
    return found.token;
  };

  it('of the bundle and of the log are shown with their time, and with who vouches for it', async () => {
    const bytes = await archiveOf(await generateBundle({ stamp: stamped, stampNote: stamped }));
    const bare = await verify(bytes);
    expect(bare.verdict).toBe('intact');
    expect(bare.stamps.map(({ of, trusted }) => [of, trusted])).toEqual([
      ['a checkpoint', false],
      ['the bundle', false],
    ]);
    const rooted = await verify(bytes, { roots: [local.root] });
    expect(rooted.stamps.map(({ trusted, problem }) => [trusted, problem])).toEqual([
      [true, null],
      [true, null],
    ]);
    for (const { name, content, size } of entriesOf(bytes).filter(({ name: file }) => file === BUNDLE_FILES.stamp)) {
      for (let at = content; at < content + size; at += 17) {
        const spoilt = Buffer.from(bytes);
        spoilt[at] = (spoilt[at] ?? 0) ^ 1;
        expect(await verify(spoilt)).toMatchObject({ verdict: 'changed', file: name });
      }
    }
  });

  it('of something else are found out though they were signed', async () => {
    const bytes = await archiveOf(await generateBundle({ stamp: () => stamped(Buffer.from('another manifest')) }));
    expect(await verify(bytes)).toMatchObject({
      verdict: 'changed',
      file: 'manifest.tsr',
      problem: expect.stringContaining('other data'),
    });
    const token = Buffer.from('made up');
    const madeUp = await archiveOf(await generateBundle({ stampNote: async () => token }));
    expect(await verify(madeUp)).toMatchObject({ verdict: 'changed', file: 'checkpoints.ndjson' });
  });
});

describe('making a bundle', () => {
  it.each([
    ['shorter', Buffer.alloc(699, 'x')],
    ['longer', Buffer.alloc(701, 'x')],
    ['other', Buffer.alloc(700, 'y')],
  ])(
    'breaks off where an artefact is %s than what was preserved, and what is there is not intact',
    async (_name, other) => {
      const contents = [CONTENTS[0] ?? END, CONTENTS[1] ?? END, other];
      const { sealed } = await generateBundle({ contents });
      const blocks: Uint8Array[] = [];
      const reading = (async () => {
        for await (const block of sealed.content()) blocks.push(block);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('evi_c') });
      expect(await verify(Buffer.concat(blocks))).toMatchObject({ verdict: 'truncated', file: 'evidence/evi_c' });
    },
  );

  it('may leave an artefact out, which the signed manifest then says', async () => {
    const made = await generateBundle({ leftOut: 'it is privileged' });
    const verified = await verify(await archiveOf(made));
    expect(verified.verdict).toBe('intact');
    expect(verified.manifest?.artifacts[2]).toMatchObject({ file: null, leftOut: 'it is privileged' });
  });

  it('shows whatever the records hold as text, and runs nothing', async () => {
    const text = `<script>alert(1)</script><img src=x onerror=alert(1)>'"&\u202e\u0000`;
    const bytes = await archiveOf(await generateBundle({ text }));
    expect((await verify(bytes)).verdict).toBe('intact');
    const { content, size } = entriesOf(bytes).find(({ name }) => name === 'report.html') ?? { content: 0, size: 0 };
    const report = bytes.subarray(content, content + size).toString('utf8');
    expect(report).toContain('&lt;script&gt;');
    expect(report).not.toMatch(/<script|<img|<a |\u202e|<[^>]*\s(?:href|src|on[a-z]+)=/);
    expect(report.includes('\u0000')).toBe(false);
    expect(report).toContain('APPROVE');
    expect(report).toMatch(/vote<\/td><td>by .* \(usr_0123456789abcdefghjkmnpqrs\)/);
  });
});

it('names of files can lead nowhere', () => {
  for (const name of ['a', 'evidence/evi_1', 'a/b/c', 'x.y-z_1']) expect(isEntryName(name)).toBe(true);
  for (const name of [
    '',
    '/',
    '/a',
    'a/',
    '../a',
    'a/../b',
    './a',
    'a//b',
    '.a',
    'a/.b',
    'a\\b',
    'a\0',
    'a\n',
    'é',
    'a'.repeat(101),
    'a/b/c/d/e',
  ]) {
    expect(isEntryName(name)).toBe(false);
  }
});
