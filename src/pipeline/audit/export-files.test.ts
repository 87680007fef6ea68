import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, generateLog, LOG_ORIGIN, LOG_START, type GeneratedLog } from '../../../tests/support/generated-log.ts';
import {
  EXPORT_FILES,
  EXPORT_FORMAT,
  formatKeys,
  keyFromPem,
  parseCheckpointNote,
  parseKeys,
  parseLeaf,
  parseManifest,
  parseUnsequenced,
  type ExportManifest,
} from './export.ts';
import { MAX_LINE_BYTES, openExport, writeExport } from './export-files.ts';
import { verifyGuide } from './export-guide.ts';
import { verifyLog, type Verification } from './verify.ts';

const log = generateLog({ streams: 6, records: 60, batch: 9, unsequenced: 5 });
const manifest: ExportManifest = {
  format: EXPORT_FORMAT,
  journalId: 'jrn_test',
  generation: 1,
  accelerated: false,
  exportedAt: LOG_START + 100_000,
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'firebreak-export-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(from: GeneratedLog = log): Promise<string> {
  return writeExport(directory, { ...from, manifest, objects: [], records: from.records.map(({ bytes }) => bytes) });
}

async function verify(): Promise<Verification> {
  const opened = await openExport(directory);
  return verifyLog(opened.log, { keys: log.keys, now: opened.manifest.exportedAt });
}

function pathOf(file: keyof typeof EXPORT_FILES): string {
  return join(directory, EXPORT_FILES[file]);
}

/** Changes a file as somebody with an editor would. */
function edit(file: keyof typeof EXPORT_FILES, change: (text: string) => string): void {
  const before = readFileSync(pathOf(file), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(pathOf(file), after);
}

describe('an export', () => {
  it('is read back as it was written, and is intact', async () => {
    await write();
    const opened = await openExport(directory);
    expect(opened.manifest).toEqual(manifest);
    expect(opened.keys.map(({ name, id, fromSize, toSize }) => ({ name, id, fromSize, toSize }))).toEqual([
      { name: LOG_ORIGIN, id: at(log.keys, 0).id, fromSize: 0, toSize: null },
    ]);
    expect(await verifyLog(opened.log, { keys: opened.keys, now: manifest.exportedAt })).toMatchObject({
      verdict: 'intact',
      counts: { streams: 6, records: 60, leaves: 55, unsequenced: 5, checkpoints: 7 },
      oldestUnsequencedAgeMs: 100_000 - 55 * 250,
    });
  });

  it('holds the exact bytes of each record, one on a line, though they hold line separators', async () => {
    await write();
    const text = readFileSync(pathOf('records'), 'utf8');
    expect(text).toBe(log.records.map(({ bytes }) => `${bytes}\n`).join(''));
    expect(text).toContain('\u2028');
    expect(readFileSync(pathOf('newest'), 'utf8')).toBe(at(log.checkpoints, -1).note);
  });

  it('is for its owner only and is never written over another', async () => {
    await write();
    const { openings: _onlyWhereAsked, ...usual } = EXPORT_FILES;
    expect(readdirSync(directory).sort()).toEqual(Object.values(usual).sort());
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    await expect(write()).rejects.toMatchObject({ code: 'conflict' });
    expect((await verify()).verdict).toBe('intact');
  });

  it('of many records passes through files in pieces of any length', async () => {
    const data = (index: number) => ({ text: 'é'.repeat((index * 7_919) % 90_000) });
    const large = generateLog({ streams: 3, records: 40, batch: 40, unsequenced: 0, data });
    await write(large);
    const opened = await openExport(directory);
    expect((await verifyLog(opened.log, { keys: large.keys, now: 0 })).verdict).toBe('intact');
  });

  it('may lack its last newline', async () => {
    await write();
    for (const file of ['records', 'leaves', 'unsequenced', 'checkpoints'] as const)
      edit(file, (text) => text.trimEnd());
    expect(await verify()).toMatchObject({ verdict: 'intact', counts: { records: 60, leaves: 55 } });
  });

  it('of an empty journal holds no checkpoint', async () => {
    await writeExport(directory, {
      manifest,
      objects: [],
      records: [],
      leaves: [],
      unsequenced: [],
      checkpoints: [],
      keys: [],
    });
    expect(readdirSync(directory)).not.toContain(EXPORT_FILES.newest);
    expect((await verify()).verdict).toBe('not_anchored');
  });
});

describe('an export that was changed', () => {
  const name = at(log.records, 20).record;
  const expected = { verdict: 'changed', firstBad: { stream: name.stream, seq: name.seq } };
  const line = (text: string, change: (line: string) => string): string =>
    text
      .split('\n')
      .map((part, index) => (index === 20 ? change(part) : part))
      .join('\n');

  it.each<[string, (line: string) => string]>([
    ['edited', (text) => text.replace('"n":', '"n":1')],
    ['torn', (text) => text.slice(0, 50)],
    ['split in two', (text) => `${text.slice(0, 50)}\n${text.slice(50)}`],
    ['emptied', () => ''],
    ['spaced', (text) => `${text} `],
    ['ended as on Windows', (text) => `${text}\r`],
    ['preceded by a byte order mark', (text) => `\ufeff${text}`],
    ['repeated', (text) => `${text}\n${text}`],
  ])('names the record whose line was %s', async (_name, change) => {
    await write();
    edit('records', (text) => line(text, change));
    expect(await verify()).toMatchObject(expected);
  });

  it('names the record whose bytes are no longer UTF-8', async () => {
    await write();
    const bytes = readFileSync(pathOf('records'));
    let start = 0;
    for (let skipped = 0; skipped < 20; skipped += 1) start = bytes.indexOf(0x0a, start) + 1;
    bytes[bytes.indexOf('"text"', start) + 10] = 0xff;
    writeFileSync(pathOf('records'), bytes);
    expect(await verify()).toMatchObject(expected);
  });

  it('says which row of which file cannot be read', async () => {
    await write();
    edit('leaves', (text) => line(text, () => '{"position":20}'));
    expect((await verify()).problem).toContain('Line 21 of leaves.ndjson cannot be read.');
    edit('checkpoints', () => 'x\n');
    expect((await verify()).problem).toContain('Line 21');
    rmSync(pathOf('leaves'));
    await expect(verify()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is refused without a manifest, with another format, or with keys that are none', async () => {
    await write();
    edit('keys', (text) => text.replace('+', '-'));
    await expect(verify()).rejects.toMatchObject({ code: 'invalid_request', faults: [{ pointer: '/keys/0' }] });
    edit('manifest', (text) => text.replace('export/1', 'export/2'));
    await expect(verify()).rejects.toMatchObject({ code: 'invalid_request' });
    rmSync(pathOf('manifest'));
    await expect(verify()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is refused when a line would fill the memory', async () => {
    await write();
    appendFileSync(pathOf('records'), Buffer.alloc(MAX_LINE_BYTES + 1, 'x'));
    await expect(verify()).rejects.toThrow('longer than');
  });
});

describe('rows', () => {
  it('never throw when they are read', () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{"position":-1}',
      '{"position":1,"stream":"a","seq":1,"leafHash":"x"}',
      '{"__proto__":{"stream":"a"}}',
    ]) {
      expect(parseLeaf(text, 3)).toEqual({ unreadable: 'Line 3 of leaves.ndjson cannot be read.' });
      expect(parseUnsequenced(text, 4)).toEqual({ unreadable: 'Line 4 of unsequenced.ndjson cannot be read.' });
      expect(parseCheckpointNote(text)).toBe('');
    }
  });

  it('of a key file carry the key in two forms; a lone PEM is a key for all sizes', () => {
    const [key] = parseKeys(formatKeys([{ ...at(log.keys, 0), fromSize: 3, toSize: 9 }]));
    expect(key).toMatchObject({ name: LOG_ORIGIN, fromSize: 3, toSize: 9 });
    const pem = log.signing.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    expect(formatKeys(log.keys)).toContain(JSON.stringify(pem));
    expect(keyFromPem(pem, LOG_ORIGIN)).toMatchObject({ id: at(log.keys, 0).id, fromSize: 0, toSize: null });
    expect(() => keyFromPem('x', LOG_ORIGIN)).toThrow('PEM');
    expect(() => parseManifest('{}')).toThrow('manifest.json');
  });
});

describe('the guide', () => {
  const python = spawnSync('python3', ['--version']).status === 0;
  const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' });
  const openssl3 = openssl.status === 0 && /^OpenSSL [3-9]/.test(openssl.stdout);
  if (!python) process.stderr.write('SKIPPED: no python3 here, so the script in VERIFY.md is not run\n');
  if (!openssl3) process.stderr.write('SKIPPED: no OpenSSL 3 here, so the command in VERIFY.md is not run\n');

  function script(): { status: number | null; said: string } {
    const [, code = ''] = /```python\n([\s\S]*?)```/.exec(readFileSync(pathOf('guide'), 'utf8')) ?? [];
    writeFileSync(join(directory, 'verify.py'), code);
    const { status, stdout, stderr } = spawnSync('python3', ['verify.py', 'checkpoint'], {
      cwd: directory,
      encoding: 'utf8',
    });
    return { status, said: `${stdout}${stderr}` };
  }

  it.skipIf(!python)('has a script that agrees: intact', async () => {
    await write();
    expect(script()).toEqual({
      status: 0,
      said: `${LOG_ORIGIN}: 55 records fit the checkpoint; 5 are not covered by it\n`,
    });
  });

  it.skipIf(!python)('has a script that agrees: changed, missing, cut off, signed for another log', async () => {
    await write();
    const name = at(log.records, 20).record;
    edit('records', (text) => text.replace(at(log.records, 20).bytes, at(log.records, 20).bytes.replace('№', 'No')));
    expect(script().said).toContain(`${name.stream} #${name.seq + 1} does not follow`);
    edit('records', () =>
      log.records
        .map(({ bytes }) => `${bytes}\n`)
        .filter((_, index) => index !== 59)
        .join(''),
    );
    expect(script().said).toContain('is missing');
    writeFileSync(pathOf('records'), log.records.map(({ bytes }) => `${bytes}\n`).join(''));
    edit('newest', (text) => text.replace('\n55\n', '\n56\n'));
    expect(script().said).toContain('the log ends at 55');
    writeFileSync(pathOf('newest'), at(log.checkpoints, -1).note.replace('\n55\n', '\n54\n'));
    expect(script().said).toContain('not the one that this checkpoint was signed for');
  });

  it.skipIf(!python || !openssl3)('has a command that checks the signature', async () => {
    await write();
    expect(script().status).toBe(0);
    writeFileSync(
      join(directory, 'key.pem'),
      createPublicKey(log.signing.privateKey).export({ format: 'pem', type: 'spki' }),
    );
    const [, command = ''] = /^ {4}openssl (.*)$/m.exec(readFileSync(pathOf('guide'), 'utf8')) ?? [];
    const run = (): string =>
      execFileSync('openssl', command.split(' '), { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
    expect(run()).toContain('Signature Verified Successfully');
    appendFileSync(join(directory, 'checkpoint.text'), ' ');
    expect(run).toThrow();
  });

  it('says when the time was accelerated', () => {
    expect(verifyGuide(manifest)).not.toContain('accelerated');
    expect(verifyGuide({ ...manifest, accelerated: true })).toContain('accelerated');
    expect(verifyGuide({ ...manifest, accelerated: true, generation: 2 })).toContain(
      'firebreak/jrn_test/g2/accelerated',
    );
  });
});
