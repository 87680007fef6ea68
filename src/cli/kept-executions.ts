import type { JournalReader } from '../journal/journal.ts';
import { exportedObjects, exportedRecords } from '../pipeline/audit/export-files.ts';
import type { JournalRecord } from '../pipeline/audit/record.ts';
import { executionStream } from '../pipeline/executions/change.ts';
import { stepOf } from '../pipeline/executions/core/fold.ts';
import type { ReplayedRecord } from '../pipeline/executions/core/replay.ts';
import type { Json } from '../platform/canonical-json.ts';
import { FirebreakError } from '../platform/errors.ts';

/** Executions as they were kept: in a journal, or in an export of one. Whoever reads them here verifies nothing. */
export interface KeptExecutions {
  /** Each with its records; empty when there is none of this name. The execution first, then its children. */
  family(executionId: string): Promise<ReadonlyMap<string, readonly ReplayedRecord[]>>;
  /** An immutable object, or null. */
  object(hash: string): Promise<Json | null>;
}

/** Children of one execution: more than a fan-out ever has. */
const MAX_CHILDREN = 2_000;

export function keptInJournal(journal: Pick<JournalReader, 'readStream' | 'listViews' | 'object'>): KeptExecutions {
  return {
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
  return {
    async family(parent) {
      const family = new Map<string, ReplayedRecord[]>([[executionStream(parent), []]]);
      for await (const record of recordsIn(directory)) {
        if (isChildOf(parent, record)) family.set(record.stream, []);
      }
      for await (const record of recordsIn(directory)) family.get(record.stream)?.push({ record });
      const prefix = executionStream('').length;
      return new Map([...family].map(([stream, records]) => [stream.slice(prefix), records]));
    },
    async object(hash) {
      for await (const { hash: name, body } of exportedObjects(directory)) if (name === hash) return body;
      return null;
    },
  };
}

async function* recordsIn(directory: string): AsyncGenerator<JournalRecord> {
  for await (const bytes of exportedRecords(directory)) {
    if (bytes.includes('"execution.advanced"')) yield recordOf(bytes);
  }
}

function recordOf(bytes: string): JournalRecord {
  try {
    return JSON.parse(bytes) as JournalRecord; // `audit verify` says whether it is one
  } catch {
    throw new FirebreakError('invalid_request', 'The export holds a line that is no record: firebreak audit verify');
  }
}

function isChildOf(parent: string, record: JournalRecord): boolean {
  if (record.type !== 'execution.advanced' || record.seq !== 1) return false;
  const { input } = stepOf(record);
  return input.type === 'start' && input.parent?.executionId === parent;
}
