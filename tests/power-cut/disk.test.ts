import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drawFrom } from '../../torture/draw.ts';
import { differences, diskOf, writeImage, type Disk } from './disk.ts';
import type { Survival } from './file-on-disk.ts';
import type { Entry } from './write-log.ts';

let directory: string;
let root: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'firebreak-disk-'));
  root = statSync(directory).ino;
});
afterEach(() => rmSync(directory, { recursive: true }));

const FILE = 901;

function apply(disk: Disk, ...entries: readonly (Partial<Entry> & Pick<Entry, 'type'>)[]): void {
  for (const entry of entries)
    disk.apply({ path: '', inode: FILE, offset: 0, data: Buffer.alloc(0), end: 0, ...entry });
}
const write = (offset: number, text: string) => ({ type: 'write', offset, data: Buffer.from(text) }) as const;
const synced = (inode: number, number: number) =>
  [
    { type: 'sync begin', inode, offset: number },
    { type: 'sync end', inode, offset: number },
  ] as const;
function left(disk: Disk, survival: Survival | 'mixed', seed = 1): Readonly<Record<string, string>> {
  const image = disk.left(survival, drawFrom(seed));
  return Object.fromEntries([...image].map(([name, content]) => [name, content.toString()]));
}
/** Everything that some seed leaves. */
function outcomes(disk: Disk, survival: Survival | 'mixed'): ReadonlySet<string> {
  return new Set(Array.from({ length: 300 }, (_, seed) => JSON.stringify(left(disk, survival, seed))));
}

describe('a disk whose power is cut', () => {
  it('keeps what lay there, and of what was written since only what was synced', () => {
    writeFileSync(join(directory, 'a'), 'old');
    const disk = diskOf(directory);
    apply(disk, { type: 'open', path: 'a' }, write(0, 'new'), ...synced(FILE, 1), write(3, '!'));
    expect(left(disk, 'nothing')).toEqual({ a: 'new' });
    expect(left(disk, 'everything')).toEqual({ a: 'new!' });
  });

  it('has on disk only what was written before a sync began, and only when it has ended', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, ...synced(root, 1), write(0, 'x'), { type: 'sync begin', offset: 2 });
    expect(left(disk, 'nothing')).toEqual({ a: '' });
    apply(disk, write(1, 'y'), { type: 'sync end', offset: 2 });
    expect(left(disk, 'nothing')).toEqual({ a: 'x' });
  });

  it('does not know a new file until its directory was synced, whatever was synced of the file', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, write(0, 'x'), ...synced(FILE, 1));
    expect(left(disk, 'nothing')).toEqual({});
    apply(disk, ...synced(root, 2));
    expect(left(disk, 'nothing')).toEqual({ a: 'x' });
  });

  it('brings a file back that was removed, and undoes links and renames, until the directory was synced', () => {
    writeFileSync(join(directory, 'a'), 'text');
    const disk = diskOf(directory);
    apply(disk, { type: 'link', path: 'a', data: Buffer.from('b') }, { type: 'unlink', path: 'a' });
    apply(disk, { type: 'rename', path: 'b', data: Buffer.from('c') });
    expect(outcomes(disk, 'mixed')).toEqual(
      new Set(
        [{ a: 'text' }, { a: 'text', b: 'text' }, { b: 'text' }, { c: 'text' }].map((all) => JSON.stringify(all)),
      ),
    );
    apply(disk, ...synced(root, 1));
    expect(left(disk, 'nothing')).toEqual({ c: 'text' });
  });

  it('tears writes and takes them out of order, by pieces that were each once written', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, ...synced(root, 1), write(0, 'A'.repeat(1_024)), ...synced(FILE, 2));
    apply(disk, write(0, 'B'.repeat(1_024)), write(512, 'C'.repeat(512)));
    const shapes = new Set([...outcomes(disk, 'pieces')].map((image) => image.replaceAll(/(.)\1+/g, '$1')));
    const possible = ['A', 'AB', 'AC', 'B', 'BA', 'BC'];
    expect(shapes).toEqual(new Set(possible.map((a) => JSON.stringify({ a }))));
  });

  it('leaves a prefix of the writes, the last of them torn, or none', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, ...synced(root, 1), write(0, 'A'.repeat(1_024)), write(1_024, 'B'));
    const lengths = new Set([...outcomes(disk, 'prefix')].map((image) => image.length - '{"a":""}'.length));
    expect(lengths).toEqual(new Set([0, 512, 1_024, 1_025]));
  });

  it('keeps truncations in order, and fills what was never written with zeros', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, ...synced(root, 1), write(0, 'long'), ...synced(FILE, 2));
    apply(disk, { type: 'truncate', offset: 0 }, write(2, 'x'));
    expect(outcomes(disk, 'pieces')).toEqual(new Set(['long', '', '\0\0x'].map((a) => JSON.stringify({ a }))));
  });

  it('is the same again with the same seed, and does not change by being looked at', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, ...synced(root, 1), write(0, 'A'.repeat(9_000)), write(5, 'B'));
    expect(left(disk, 'mixed', 5)).toEqual(left(disk, 'mixed', 5));
    expect(left(disk, 'nothing')).toEqual({ a: '' });
  });

  it('takes an inode that was freed for the new file that has it', () => {
    const disk = diskOf(directory);
    apply(disk, { type: 'create', path: 'a' }, write(0, 'first'), { type: 'unlink', path: 'a' });
    apply(disk, { type: 'create', path: 'b' }, write(0, '2'));
    expect(left(disk, 'everything')).toEqual({ b: '2' });
  });

  it('is compared with a directory, and says which files are not the same', () => {
    const image = new Map([
      ['a', Buffer.from('a')],
      ['b', Buffer.from('b')],
    ]);
    writeImage(image, directory);
    writeFileSync(join(directory, 'x.sqlite-shm'), 'memory');
    expect(differences(image, directory)).toEqual([]);
    writeFileSync(join(directory, 'b'), 'c');
    writeFileSync(join(directory, 'd'), 'd');
    expect(differences(new Map([...image, ['e', Buffer.from('')]]), directory).toSorted()).toEqual(['b', 'd', 'e']);
  });

  it('refuses what it cannot follow', () => {
    const disk = diskOf(directory);
    expect(() => apply(disk, { type: 'unfollowed', path: 'mmap' })).toThrow(
      'cannot be followed any more: unfollowed mmap',
    );
    expect(() => apply(disk, write(0, 'x'))).toThrow('nobody opened');
  });
});
