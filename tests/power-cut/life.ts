import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Draw } from '../../torture/draw.ts';
import type { Programs } from '../../torture/programs.ts';
import { diskOf, type Disk } from './disk.ts';
import { openDoor, type Door } from './door.ts';
import { openLedger, type Ledger } from './ledger.ts';
import { furnish, load } from './load.ts';
import type { Lie, Preload } from './preload.ts';
import { positionOf } from './write-log.ts';

/** A server that lives several times on one directory, and what it told while it did. */
export interface Lives {
  /**
   * Starts the server on what lies in `directory`, gives it work until it has acknowledged so many requests, and ends it:
   * kills it in the middle of the others, or asks it to stop.
   */
  live(life: { readonly directory: string; readonly acknowledgements: number; readonly end: End }): Promise<Lived>;
  close(): Promise<void>;
}

export type End = 'SIGKILL' | 'SIGTERM';

export interface Lived {
  /** As the server left it when it ended. */
  readonly directory: string;
  readonly end: End;
  /** The disk as it was at the birth; the log brings it on. */
  readonly disk: Disk;
  readonly log: string;
  readonly ledger: Ledger;
}

export interface LivesPorts {
  readonly programs: Programs;
  readonly preload: Preload;
  readonly draw: Draw;
  /** Null: the disk is honest. */
  readonly lie: Lie | null;
}

const TOKEN = 'a token for tests only';
/** People who can be acted on, each by one execution. */
const PEOPLE = 4_000;

export async function openLives({ programs, preload, draw, lie }: LivesPorts): Promise<Lives> {
  let log = '';
  const ledger = openLedger(() => positionOf(log));
  const company = await openCompany(programs, ledger);
  const people = await company.seed(PEOPLE);
  let names = 0;
  let lives = 0;
  let key = '';
  return {
    async live({ directory, acknowledgements, end }) {
      lives += 1;
      log = join(programs.directory, `writes-${lives}.log`);
      mkdirSync(directory, { recursive: true });
      const disk = diskOf(directory);
      // Evidence has crash tests of its own; what is followed here is the journal.
      const elsewhere = { EVIDENCE_DIR: join(programs.directory, 'evidence') };
      const env = { SANDBOX_TOKEN: TOKEN, LOG_LEVEL: 'error', ...elsewhere, ...preload.env(directory, log, lie) };
      const args = ['serve', '--data', directory, '--port', '0', '--sandbox', company.url];
      const server = programs.start('main', args, env);
      const ready = await server.ready;
      if (!existsSync(log)) throw new Error('the library was not loaded into the server');
      const url = String(ready['url']);
      if (key === '') key = await furnish(url, String(ready['setupToken']), ledger);
      let acknowledged = 0;
      await load({
        url,
        key,
        people,
        ledger,
        draw,
        name: () => `n${(names += 1)}`,
        acknowledged() {
          acknowledged += 1;
          if (acknowledged === acknowledgements) server.child.kill(end);
        },
      });
      const code = await server.ended;
      if (end === 'SIGTERM' && code !== 0) throw new Error(`the server ended with ${code}: ${server.complaints()}`);
      return { directory, end, disk, log, ledger };
    },
    close: () => company.close(),
  };
}

interface Company extends Door {
  seed(count: number): Promise<string[]>;
}

/** The sandbox company in a process of its own, behind a door that hears every call. */
async function openCompany(programs: Programs, ledger: Ledger): Promise<Company> {
  const running = programs.start('sandbox-company/process', [], { SANDBOX_TOKEN: TOKEN, SANDBOX_EMPTY: '1' });
  const url = String((await running.ready)['url']);
  const door = await openDoor(url, (key) => ledger.note('call', [key]));
  return {
    ...door,
    async seed(count) {
      const ids = Array.from({ length: count }, (_, index) => `person${index}@company.test`);
      for (let from = 0; from < count; from += 100) {
        const users = ids.slice(from, from + 100).map((id) => ({ id, homeCountry: 'DE', sessions: [] }));
        const reply = await fetch(`${url}/seed`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify({ users }),
        });
        if (!reply.ok) throw new Error(`the company was not seeded: ${await reply.text()}`);
      }
      return ids;
    },
    async close() {
      running.child.kill('SIGKILL');
      await running.ended;
      await door.close();
    },
  };
}
