import { copyFileSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { crashProcess } from './crash-process.ts';
import { crashWorld, install } from './crash-world.ts';
import { STORY_START } from './crash-stories.ts';
import { mortal } from './mortal.ts';
import { openOn } from './postgres-place.ts';
import type { Cluster } from './postgres.ts';

/** Where journals lie: a fresh one for each story that is told, with the playbooks and the policy in it. */
export interface House {
  place(): Promise<Place>;
  remove(): Promise<void>;
}

export interface Place {
  /** How many processes are there from the beginning. */
  readonly members: number;
  /** The journal as one more process opens it. */
  open(): Promise<Journal>;
  /** What is left of a process that was stopped: where others live on, they learn of it by its silence. */
  buryLater(journal: Journal): Promise<void>;
  remove(): Promise<void>;
}

const BIRTH = { id: 'jrn_test', at: STORY_START, accelerated: true };

/** Room that has to be free in memory, in bytes: far more than a cluster and a few journals need. */
const ROOM_BYTES = 2 * 1024 ** 3;

/** What is tested is the order of writes, not that the disk keeps them: memory is a disk that others do not slow down. */
export function memoryFolder(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize >= ROOM_BYTES ? memory : tmpdir();
}

async function furnish(journal: Journal): Promise<void> {
  const world = await crashWorld({ users: [], deeds: [], shows: [] });
  const process = await crashProcess(journal, world.outside, mortal(null));
  await install(process);
  await process.abandon();
  await journal.close();
  await world.stop();
}

/** One file for one process after the other. */
export async function sqliteHouse(): Promise<House> {
  const folder = mkdtempSync(join(memoryFolder(), 'firebreak-crash-'));
  const template = join(folder, 'template.sqlite');
  await furnish(openSqliteJournal({ file: template, birth: BIRTH }));
  let places = 0;
  return {
    async place() {
      places += 1;
      const file = join(folder, `${places}.sqlite`);
      copyFileSync(template, file);
      return {
        members: 1,
        open: async () => openSqliteJournal({ file, birth: BIRTH }),
        buryLater: (journal) => journal.close(),
        async remove() {
          for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
        },
      };
    },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** One database for two processes, of which one lives on. */
export async function postgresHouse(cluster: Cluster): Promise<House> {
  const template = await cluster.database();
  await furnish(await openOn(template, { birth: BIRTH }));
  const name = (url: string): string => new URL(url).pathname.slice(1);
  let places = 0;
  return {
    async place() {
      places += 1;
      const url = new URL(template);
      const database = `${name(template)}_${places}`;
      url.pathname = `/${database}`;
      await cluster.query(`create database ${database} template ${name(template)} strategy wal_log`);
      const opened: Journal[] = [];
      return {
        members: 2,
        async open() {
          const journal = await openOn(url.href, { birth: BIRTH });
          opened.push(journal);
          return journal;
        },
        async buryLater({ members }) {
          // Silent for so long that it is taken for dead; its connections are still there, as those of a frozen one are.
          const text = `update processes set beat_at = beat_at - interval '1 hour' where id = $1`;
          await cluster.query(text, [members.processId], database);
        },
        async remove() {
          await Promise.all(opened.map((journal) => journal.close().catch(() => undefined)));
          await cluster.query(`drop database ${database} with (force)`);
        },
      };
    },
    remove: async () => undefined,
  };
}
