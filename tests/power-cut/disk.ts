import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Draw } from '../../torture/draw.ts';
import { fileOnDisk, type FileOnDisk, type Survival } from './file-on-disk.ts';
import type { Entry } from './write-log.ts';

/**
 * A directory on a disk whose power can be cut, rebuilt from the log of writes. On disk is what a sync has put there: of
 * a file its bytes, of the directory its names. Everything else is left to chance, which a seed decides.
 */
export interface Disk {
  /** @throws Error for what cannot be followed: then nothing that is said about this disk is worth anything. */
  apply(entry: Entry): void;
  /** What power would leave if it were cut now: contents by name. `mixed` draws for names and for each file by itself. */
  left(survival: Survival | 'mixed', draw: Draw): ReadonlyMap<string, Buffer>;
}

const SURVIVALS: readonly Survival[] = ['nothing', 'everything', 'prefix', 'pieces', 'pieces'];
/** SQLite's wal-index: memory with a name, made anew by whoever opens the database first. */
const WAL_INDEX = '-shm';

type Names = Map<string, FileOnDisk>;
/** Names that one call changes together; null: the name is gone. */
type NameChange = readonly (readonly [string, FileOnDisk | null])[];

/** @param directory as it lies there now: all of it counts as being on disk. It has no directories in it. */
export function diskOf(directory: string): Disk {
  const durable: Names = new Map();
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (name.endsWith(WAL_INDEX)) continue;
    durable.set(name, fileOnDisk(readFileSync(file)));
  }
  const live: Names = new Map(durable);
  const byInode = new Map<number, FileOnDisk>();
  const root = statSync(directory).ino;
  /** By the number of a sync that is under way: how many changes there were when it began. */
  const syncs = new Map<number, number>();
  let pending: NameChange[] = [];
  let settled = 0;

  function rename(change: NameChange): void {
    applyNames(live, change);
    pending.push(change);
  }
  function fileAt(path: string): FileOnDisk {
    const file = live.get(path);
    if (file === undefined) throw new Error(`the log names ${path}, which is not there`);
    return file;
  }
  function fileOf({ inode }: Entry): FileOnDisk {
    const file = byInode.get(inode);
    if (file === undefined) throw new Error(`the log writes to inode ${inode}, which nobody opened`);
    return file;
  }
  function endSync(entry: Entry): void {
    const changes = syncs.get(entry.offset) ?? 0;
    syncs.delete(entry.offset);
    if (entry.inode !== root) return fileOf(entry).settle(changes);
    const count = Math.max(0, changes - settled);
    for (const change of pending.slice(0, count)) applyNames(durable, change);
    pending = pending.slice(count);
    settled += count;
  }

  return {
    apply(entry) {
      const { type, path, inode, offset, data } = entry;
      switch (type) {
        case 'open':
          if (path !== '' && !byInode.has(inode)) byInode.set(inode, fileAt(path));
          return;
        case 'create': {
          const file = fileOnDisk();
          // An inode that was free again is another file now.
          byInode.set(inode, file);
          return rename([[path, file]]);
        }
        case 'write':
          return fileOf(entry).write(offset, data);
        case 'truncate':
          return fileOf(entry).truncate(offset);
        case 'sync begin': {
          const changes = inode === root ? settled + pending.length : fileOf(entry).changes;
          return void syncs.set(offset, changes);
        }
        case 'sync end':
          return endSync(entry);
        case 'unlink':
          return rename([[path, null]]);
        case 'rename':
          return rename([
            [path, null],
            [data.toString('utf8'), fileAt(path)],
          ]);
        case 'link':
          return rename([[data.toString('utf8'), fileAt(path)]]);
        case 'none':
        case 'make directory':
        case 'unfollowed':
          throw new Error(`the files cannot be followed any more: ${type} ${path}`);
      }
    },
    left(survival, draw) {
      const names: Names = new Map(durable);
      // The file system keeps names in its own journal: some of the newest are gone, and never one in between.
      const kept = { nothing: 0, everything: pending.length, prefix: null, pieces: null, mixed: null }[survival];
      for (const change of pending.slice(0, kept ?? draw.integer(0, pending.length))) applyNames(names, change);
      const image = new Map<string, Buffer>();
      for (const [name, file] of names) {
        image.set(name, file.left(survival === 'mixed' ? draw.pick(SURVIVALS) : survival, draw));
      }
      return image;
    },
  };
}

function applyNames(names: Names, change: NameChange): void {
  for (const [name, file] of change) {
    if (file === null) names.delete(name);
    else names.set(name, file);
  }
}

/** Names of files whose contents are other in the directory than in the image, or that only one of them has. */
export function differences(image: ReadonlyMap<string, Buffer>, directory: string): readonly string[] {
  const present = readdirSync(directory).filter((name) => !name.endsWith(WAL_INDEX));
  const names = new Set([...present, ...image.keys()]);
  return [...names].filter((name) => {
    const content = image.get(name);
    return content === undefined || !present.includes(name) || !content.equals(readFileSync(join(directory, name)));
  });
}

/** Puts the files into a directory that is there and empty. */
export function writeImage(image: ReadonlyMap<string, Buffer>, directory: string): void {
  for (const [name, content] of image) writeFileSync(join(directory, name), content, { mode: 0o600 });
}
