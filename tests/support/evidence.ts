import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { soleHolder } from '../../src/api/idempotency.ts';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import type { Artifact } from '../../src/pipeline/actions/desks.ts';
import { foldEvidence } from '../../src/pipeline/evidence/custody.ts';
import type { Evidence } from '../../src/pipeline/evidence/evidence.ts';
import type { PreservePoint } from '../../src/pipeline/evidence/preserve.ts';
import { steeredClock, type SteeredClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLog } from '../../src/platform/log.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { openEvidence, type OpenedEvidence } from '../../src/start/evidence.ts';

export const EVIDENCE_START = Date.UTC(2026, 10, 22, 3, 0, 0);

/** The evidence store as the server builds it, on a real journal and a real folder, with a steered clock. */
export interface EvidenceBed extends OpenedEvidence {
  readonly journal: Journal;
  readonly clock: SteeredClock;
  readonly folder: string;
  readonly vaultFolder: string;
  /** What people were told of, as `stream name`. */
  readonly told: readonly string[];
  /** Lines of the log. */
  readonly said: readonly string[];
  /** Another process in its place, on the same files. */
  again(options?: BedOptions): Promise<EvidenceBed>;
  stop(): Promise<void>;
}

export interface BedOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly at?: (point: PreservePoint) => Promise<void> | undefined;
  readonly journalThrough?: (journal: Journal) => Journal;
  readonly clock?: SteeredClock;
  readonly clockJumpMs?: () => number;
  /** A journal that is open already: another process beside the first one. */
  readonly beside?: EvidenceBed;
  readonly holder?: string;
  /** Takes digests in threads, by this program. */
  readonly digestThread?: URL;
  /** Processes that have ended. */
  readonly isGone?: (holder: string) => boolean;
}

/** What is told of an artefact; its row says the same. */
export async function stateOf({ journal }: EvidenceBed, id: string): Promise<Evidence> {
  const folded = foldEvidence((await journal.readStream(`evidence/${id}`)).map(({ record }) => record));
  if (folded === null) throw new Error('there are no records of it');
  expect((await journal.view('evidence', id))?.body).toEqual(folded);
  return folded;
}

/** Opens beds, and ends them after each test of the file. */
export function bedsOfTests(): (options?: BedOptions) => Promise<EvidenceBed> {
  let beds: EvidenceBed[] = [];
  afterEach(async () => {
    for (const bed of beds) await bed.stop();
    beds = [];
  });
  return async (options) => {
    const bed = await evidenceBed(options);
    beds.push(bed);
    return bed;
  };
}

let processes = 0;

export async function evidenceBed(options: BedOptions = {}, at?: string): Promise<EvidenceBed> {
  const folder = options.beside?.folder ?? at ?? mkdtempSync(join(tmpdir(), 'firebreak-evidence-'));
  const birth = { id: 'jrn_evidence', at: EVIDENCE_START, accelerated: false };
  const own = options.beside?.journal ?? openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth });
  const journal = options.journalThrough?.(own) ?? own;
  const clock = options.clock ?? options.beside?.clock ?? steeredClock(EVIDENCE_START);
  const { config } = readConfig({ DATA_DIR: folder, ...options.env }, () => '');
  const told: string[] = [];
  const said: string[] = [];
  processes += 1;
  const holder = options.holder ?? `prc_${processes}`;
  const { isGone } = options;
  const opened = await openEvidence(config, {
    journal,
    committer: groupCommitter(journal, realMachine),
    clock,
    machine: realMachine,
    ids: randomIds(),
    closing: new AbortController().signal,
    wall: { jumpMs: options.clockJumpMs ?? (() => 0) },
    holders: isGone === undefined ? soleHolder(holder) : { own: () => holder, isGone: async (name) => isGone(name) },
    tell: (stream, name) => void told.push(`${stream} ${name}`),
    version: 'test',
    log: createLog({ level: 'warn', destination: { write: (line) => void said.push(line) } }),
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(options.digestThread === undefined ? {} : { digestThread: options.digestThread }),
  });
  const bed: EvidenceBed = {
    ...opened,
    journal,
    clock,
    folder,
    vaultFolder: config.evidence.dir ?? join(folder, 'evidence'),
    told,
    said,
    again: (next = {}) =>
      evidenceBed({ clock, ...options, journalThrough: (same) => same, at: () => undefined, ...next, beside: bed }),
    async stop() {
      await opened.close();
      await own.close();
      if (at === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  return bed;
}

/** An artefact of a test, which says what is given of it. */
export function artifact(more: Partial<Artifact> = {}): Artifact {
  return {
    key: 'action-1/0',
    origin: { executionId: 'exe_1', actionId: 'collect' },
    kind: 'file',
    name: 'auth.log',
    source: {
      system: 'ssh',
      host: 'web-1.example',
      location: '/var/log/auth.log',
      modifiedAt: EVIDENCE_START - 60_000,
      clockOffsetMs: -1_250,
    },
    method: 'cat /var/log/auth.log',
    personal: true,
    ...more,
  };
}

export async function* bytesOf(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

export const NEVER_ABORTED = new AbortController().signal;

/** Something to wait for that a test lets happen. */
export function openGate(): { readonly promise: Promise<void>; resolve(): void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
}
