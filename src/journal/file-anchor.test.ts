import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { fileAnchor } from './file-anchor.ts';

const keys = generateKeyPairSync('ed25519');
const note = (size: number): string =>
  signCheckpoint({ origin: 'firebreak/jrn_1/g1', size, root: 'ab'.repeat(32) }, keys);
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-anchor-'));
  file = join(folder, 'checkpoints.txt');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the file that checkpoints are appended to', () => {
  it('is readable by nobody else, and grows by whole notes', async () => {
    const publish = fileAnchor(file);
    await publish(note(1), 1);
    await publish(note(2), 2);
    expect(readFileSync(file, 'utf8')).toBe(`${note(1)}\n${note(2)}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('loses what a power cut left of an append, and nothing else', async () => {
    const told: number[] = [];
    for (const left of [1, 30, 120, note(3).length]) {
      writeFileSync(file, `${note(1)}\n${note(2)}\n${note(3).slice(0, left)}`);
      const publish = fileAnchor(file, (bytes) => told.push(bytes));
      await publish(note(4), 4);
      expect(readFileSync(file, 'utf8').endsWith(`${note(4)}\n`)).toBe(true);
      expect(readFileSync(file, 'utf8').startsWith(`${note(1)}\n`)).toBe(true);
      expect(readFileSync(file, 'utf8')).not.toContain(note(3));
    }
    expect(told.length).toBe(4);
  });

  it('loses what a disk that was full took of an append, as soon as there is room', async () => {
    const told: number[] = [];
    const publish = fileAnchor(file, (bytes) => told.push(bytes));
    await publish(note(1), 1);
    appendFileSync(file, note(2).slice(0, 60));
    await publish(note(2), 2);
    expect(readFileSync(file, 'utf8')).toBe(`${note(1)}\n${note(2)}\n`);
    expect(told).toEqual([60]);
  });

  it('is left as it is when all of it is whole', () => {
    writeFileSync(file, `${note(1)}\n${note(2)}\n`);
    fileAnchor(file, () => expect.unreachable('nothing is torn'));
    expect(readFileSync(file, 'utf8')).toBe(`${note(1)}\n${note(2)}\n`);
  });
});
