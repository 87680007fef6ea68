import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLogKey } from './log-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the key of the log', () => {
  it('is made once, for the owner only, and nothing else is left in its folder', () => {
    const file = join(folder, 'log-key.pem');
    const made = loadLogKey(file);
    expect(loadLogKey(file).publicKey.equals(made.publicKey)).toBe(true);
    expect(readdirSync(folder)).toEqual(['log-key.pem']);
    expect(statSync(file).mode & 0o777).toBe(0o400);
  });

  it.each(['', 'no key', '-----BEGIN PRIVATE KEY-----\nAAAA'])('is refused in words when the file holds %j', (text) => {
    const file = join(folder, 'log-key.pem');
    writeFileSync(file, text);
    expect(() => loadLogKey(file)).toThrow(`${file} holds no Ed25519 key`);
  });

  it('leaves nothing behind where it cannot be made', () => {
    expect(() => loadLogKey(join(folder, 'missing', 'log-key.pem'))).toThrow('ENOENT');
    expect(readdirSync(folder)).toEqual([]);
  });
});
