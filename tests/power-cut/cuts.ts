import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Draw } from '../../torture/draw.ts';
import { differences, writeImage, type Disk } from './disk.ts';
import { judge } from './judge.ts';
import type { Lived } from './life.ts';
import { entriesOf, positionOf } from './write-log.ts';

/** What was found behind all cuts of one life. */
export interface Findings {
  readonly images: number;
  /** Of the life, by type. */
  readonly calls: ReadonlyMap<string, number>;
  /** Writes to the first byte of a file: SQLite's log was begun anew, or copied back into the database. */
  readonly rewinds: number;
  /** Things that somebody was told until the end of the life. */
  readonly told: number;
  /** How often one of them was looked for in a directory. */
  readonly lookedFor: number;
  readonly lost: readonly string[];
  readonly broken: readonly string[];
  /** Files that are not what the log says that was written to them: something went past the library. */
  readonly unseen: readonly string[];
  /** The last image at the end of the log, for another life. */
  readonly next: string;
}

export interface CutPlan {
  /** Moments within the life, besides its end. */
  readonly moments: number;
  /** Directories that are made of each moment: the first of what was synced alone, the others as the seed draws them. */
  readonly images: number;
  readonly draw: Draw;
  /** Where directories are made. */
  readonly scratch: string;
}

/**
 * Cuts the power at moments of a life that is over: at half of them right when somebody was told something, at the
 * others anywhere, and at its end. Judges several directories of each.
 */
export async function cutPower(lived: Lived, plan: CutPlan): Promise<Findings> {
  const { disk, log, ledger } = lived;
  const { draw, images, scratch } = plan;
  const moments = momentsOf(positionOf(log), ledger.positions(), plan);
  const calls = new Map<string, number>();
  const lost: string[] = [];
  const broken: string[] = [];
  let made = 0;
  let rewinds = 0;
  let lookedFor = 0;

  async function judgeAt(position: number): Promise<void> {
    const told = ledger.until(position);
    for (let image = 0; image < images; image += 1) {
      made += 1;
      const directory = newDirectory(scratch, 'image');
      putImage(disk, image === 0 ? 'nothing' : 'mixed', draw, directory);
      const verdict = await judge(directory, told);
      rmSync(directory, { recursive: true });
      lookedFor += told.length;
      const where = `at ${position}, image ${image}`;
      lost.push(...verdict.lost.map((each) => `${each.kind} ${each.id} (told at ${each.position}) ${where}`));
      broken.push(...verdict.broken.map((words) => `${words} ${where}`));
    }
  }

  for (const entry of entriesOf(log)) {
    for (; (moments[0] ?? Infinity) < entry.end; moments.shift()) await judgeAt(moments[0] ?? 0);
    disk.apply(entry);
    if (entry.type === 'write' && entry.offset === 0) rewinds += 1;
    calls.set(entry.type, (calls.get(entry.type) ?? 0) + 1);
  }
  for (const moment of moments) await judgeAt(moment);
  // A kill may come between a call and its entry, so only who ended by itself can be compared.
  const unseen = lived.end === 'SIGTERM' ? differences(disk.left('everything', draw), lived.directory) : [];
  const next = newDirectory(scratch, 'next');
  putImage(disk, 'mixed', draw, next);
  return { images: made, calls, rewinds, told: ledger.until(Infinity).length, lookedFor, lost, broken, unseen, next };
}

function momentsOf(end: number, told: readonly number[], { moments, draw }: CutPlan): number[] {
  const chosen = new Set([end]);
  for (let index = 0; index < moments; index += 1) {
    chosen.add(index % 2 === 0 && told.length > 0 ? draw.pick(told) : draw.integer(0, end));
  }
  return [...chosen].sort((left, right) => left - right);
}

/** SQLite's wal-index of a short log. */
const WAL_INDEX_BYTES = 32_768;

let directories = 0;
function newDirectory(scratch: string, kind: string): string {
  directories += 1;
  const directory = join(scratch, `${kind}-${directories}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** With a wal-index of rubbish beside it, half of the time: nobody may believe what is left of it. */
function putImage(disk: Disk, survival: 'nothing' | 'mixed', draw: Draw, directory: string): void {
  writeImage(disk.left(survival, draw), directory);
  if (!draw.chance(50)) return;
  const rubbish = Array.from({ length: 64 }, () => draw.integer(0, 255));
  writeFileSync(join(directory, 'journal.sqlite-shm'), Buffer.alloc(WAL_INDEX_BYTES, Buffer.from(rubbish)));
}
