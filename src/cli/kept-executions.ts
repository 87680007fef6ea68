import { z } from 'zod';
import { personsInBytes } from '../journal/persons/opened-record.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import { exportedObjects, exportedOpenings, exportedRecords } from '../pipeline/audit/export-files.ts';
import type { JournalRecord } from '../pipeline/audit/record.ts';
import { boxesIn, opener, parseOpening, type Opening } from '../pipeline/persons/openings.ts';
import { executionStream } from '../pipeline/executions/change.ts';
import { stepOf } from '../pipeline/executions/core/fold.ts';
import type { ReplayedRecord } from '../pipeline/executions/core/replay.ts';
import type { Json } from '../platform/canonical-json.ts';
import { FirebreakError } from '../platform/errors.ts';

/** Executions as they were kept: in a journal, or in an export of one. Whoever reads them here verifies nothing. */
export interface KeptExecutions {
  /** Each with its records; empty when there is none of this name. The execution first, then its children. */
  family(executionId: string): Promise<ReadonlyMap<string, readonly ReplayedRecord[]>>;
  /** The first record of an execution that has lost texts of somebody who was erased; `Infinity`: none has. */
  erasedFrom(executionId: string): Promise<number>;
  /** An immutable object, or null. */
  object(hash: string): Promise<Json | null>;
}

/** Children of one execution: more than a fan-out ever has. */
const MAX_CHILDREN = 2_000;
/** Objects of an export that are kept: the plan and the cores of one family. */
const MAX_RECENT_OBJECTS = 8;

export function keptInJournal(
  journal: Pick<PersonalJournal, 'readStream' | 'listViews' | 'object' | 'log' | 'persons'>,
): KeptExecutions {
  return {
    async erasedFrom(id) {
      for (const { seq, bytes } of await journal.log.recordRows(executionStream(id)))
        for (const person of personsInBytes(bytes)) if ((await journal.persons.load(person))?.key === null) return seq;
      return Number.POSITIVE_INFINITY;
    },
    async family(parent) {
      const { items } = await journal.listViews({ kind: 'execution', parent, limit: MAX_CHILDREN, skip: 0 });
      const ids = [parent, ...items.map(({ id }) => id)];
      return new Map(
        await Promise.all(ids.map(async (id) => [id, await journal.readStream(executionStream(id))] as const)),
      );
    },
    object: (hash) => journal.object(hash),
  };
}

/** Reads the files of an export, which may be far larger than memory, as often as it is asked. */
export function keptInExport(directory: string): KeptExecutions {
  /** What was asked for lately: the children of a fan-out have one plan and mostly one core. */
  const recent = new Map<string, Json>();
  const erased = new Map<string, number>();
  return {
    erasedFrom: async (id) => erased.get(executionStream(id)) ?? Number.POSITIVE_INFINITY,
    async family(parent) {
      const openings = await openingsIn(directory);
      const opened = opener(openings ?? []);
      const opens = new Set((openings ?? []).map(({ stream, seq, person }) => `${stream} ${seq} ${person}`));
      const family = new Map<string, ReplayedRecord[]>([[executionStream(parent), []]]);
      for await (const record of recordsIn(directory)) {
        if (isChildOf(parent, record)) family.set(record.stream, []);
      }
      for await (const record of recordsIn(directory)) {
        const own = family.get(record.stream);
        if (own === undefined) continue;
        const { stream, seq } = record;
        const lost = boxesIn(record.data).some(([person]) => !opens.has(`${stream} ${seq} ${person}`));
        if (lost && openings === null) throw closed();
        if (lost && !erased.has(stream)) erased.set(stream, seq);
        own.push({ record: opened(record) });
      }
      const prefix = executionStream('').length;
      return new Map([...family].map(([stream, records]) => [stream.slice(prefix), records]));
    },
    async object(hash) {
      const known = recent.get(hash);
      if (known !== undefined) return known;
      for await (const { hash: name, body } of exportedObjects(directory)) {
        if (name !== hash) continue;
        if (recent.size >= MAX_RECENT_OBJECTS) recent.clear();
        recent.set(hash, body);
        return body;
      }
      return null;
    },
  };
}

async function openingsIn(directory: string): Promise<readonly Opening[] | null> {
  const lines = exportedOpenings(directory);
  if (lines === null) return null;
  const openings: Opening[] = [];
  for await (const line of lines) openings.push(parseOpening(line));
  return openings;
}

function closed(): FirebreakError {
  const message = 'The export does not open personal texts, which decisions follow from: make it with --open';
  return new FirebreakError('invalid_request', message);
}

async function* recordsIn(directory: string): AsyncGenerator<JournalRecord> {
  for await (const bytes of exportedRecords(directory)) {
    if (!bytes.includes('"execution.advanced"')) continue;
    const record = recordOf(bytes);
    if (record !== null) yield record;
  }
}

const TYPED = z.looseObject({ type: z.string() });

/** Of an advanced execution what a replay asks for by name; `audit verify` says whether it is what was written. */
const ADVANCED = z.looseObject({
  seq: z.int(),
  stream: z.string(),
  type: z.string(),
  v: z.int(),
  data: z.looseObject({
    facts: z.array(z.looseObject({ type: z.string() })),
    input: z.looseObject({ type: z.string(), at: z.int() }),
  }),
});

/** Null for a record of another type, which may hold the name of this one: the fields of an event are anybody's. */
function recordOf(bytes: string): JournalRecord | null {
  try {
    const value = TYPED.parse(JSON.parse(bytes));
    if (value.type !== 'execution.advanced') return null;
    return ADVANCED.parse(value) as unknown as JournalRecord; // checked as far as it is read here
  } catch (cause) {
    const message = 'The export holds a line that is no record of an execution: ask `firebreak audit verify`';
    throw new FirebreakError('invalid_request', message, [], { cause });
  }
}

function isChildOf(parent: string, record: JournalRecord): boolean {
  if (record.seq !== 1) return false;
  const { input } = stepOf(record);
  return input.type === 'start' && input.parent?.executionId === parent;
}
