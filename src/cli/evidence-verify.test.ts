import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, generateBundle, type GeneratedBundle } from '../../tests/support/generated-bundle.ts';
import { signingKey } from '../../tests/support/generated-log.ts';
import { formatKeys } from '../pipeline/audit/export.ts';
import { formatVerifierKey } from '../pipeline/audit/signed-note.ts';
import { evidenceVerifyCommand, type EvidenceVerifyOptions } from './evidence-verify.ts';
import { processIo } from './io.ts';

let folder: string;
let file: string;
let bundle: GeneratedBundle;
let archive: Buffer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-verify-'));
  bundle = await generateBundle();
  archive = await archiveOf(bundle);
  file = written('bundle.tar', archive);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function run(options: Partial<EvidenceVerifyOptions> = {}): Promise<{ code: number; said: string }> {
  let said = '';
  const io = { ...processIo(), stdout: { write: (text: string) => void (said += text) } };
  const code = await evidenceVerifyCommand({ bundle: file, json: false, ...options }, io);
  return { code, said };
}

describe('evidence verify', () => {
  it('says what is intact, and that the key was taken from the bundle', async () => {
    const { code, said } = await run();
    expect(code).toBe(0);
    expect(said).toMatch(/^intact: bundle bun_1 of incident inc_1, 12 files, 10 records\n/);
    expect(said).toContain('that key was taken from the bundle');
    expect(said).toContain('no checkpoint from elsewhere was compared');
    expect(said).toContain('nothing in it is stamped with the time');
  });

  it('takes a key as a line, a file of lines or the keys of an export', async () => {
    const line = formatVerifierKey(bundle.signing.key);
    for (const key of [line, written('key.txt', `${line}\n`), written('keys.json', formatKeys([bundle.signing.key]))]) {
      const { code, said } = await run({ key });
      expect(code).toBe(0);
      expect(said).toContain('signed with the key that you gave');
    }
    const other = await run({ key: formatVerifierKey(signingKey().key) });
    expect(other).toEqual({
      code: 1,
      said: 'key unknown at bundle.note: The bundle is signed by no key that was given.\n',
    });
  });

  it('names the file that was changed, in JSON as well', async () => {
    const spoilt = Buffer.from(archive);
    spoilt.write('TWO', archive.indexOf('one line of a log'));
    const bad = written('bad.tar', spoilt);
    expect(await run({ bundle: bad })).toEqual({
      code: 1,
      said: 'changed at evidence/evi_a: evidence/evi_a is not as it was sealed.\n',
    });
    const { code, said } = await run({ bundle: bad, json: true });
    expect([code, JSON.parse(said)]).toMatchObject([1, { verdict: 'changed', file: 'evidence/evi_a', intact: false }]);
  });

  it('compares checkpoints that were kept elsewhere', async () => {
    const anchor = written('checkpoints.txt', bundle.notes.map((note) => `${note}\n`).join(''));
    expect((await run({ anchor })).said).toContain('a checkpoint that you gave is in its log');
  });

  it('refuses what cannot be read, and says which', async () => {
    await expect(run({ bundle: join(folder, 'none.tar') })).rejects.toMatchObject({ code: 'not_found' });
    await expect(run({ key: 'x' })).rejects.toThrow('--key x is no key and no file');
    await expect(run({ key: written('bad.txt', 'x\n') })).rejects.toThrow('no verifier key');
    await expect(run({ tsaCa: written('bad.pem', 'x\n') })).rejects.toThrow('no certificates');
    const pem = bundle.signing.signing.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    await expect(run({ key: written('key.pem', pem) })).rejects.toThrow('does not name its log');
    await expect(run({ anchor: written('empty.txt', '\n') })).rejects.toThrow('holds no checkpoint');
  });
});
