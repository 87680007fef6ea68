import type { JournalReader, StoredObject } from '../../journal/journal.ts';
import type { JournalRecord } from '../audit/record.ts';

/** Records as an export takes them, and behind them the objects that they name. Read the records first, once. */
export interface WithObjects {
  readonly records: AsyncGenerator<string>;
  readonly objects: AsyncGenerator<StoredObject>;
}

/** Members of inputs that name an object: the plan, and the code that decided. */
const NAMING = ['planHash', 'core'] as const;
/** Only a line that holds one of them is parsed. */
const MAY_NAME = /"(?:planHash|core)":"/;

/** Adds to records what is needed to derive them again. An object that the journal does not hold is left out. */
export function withObjects(journal: Pick<JournalReader, 'object'>, records: AsyncIterable<string>): WithObjects {
  const names = new Set<string>();
  return { records: noting(records, names), objects: objectsOf(journal, names) };
}

async function* noting(records: AsyncIterable<string>, names: Set<string>): AsyncGenerator<string> {
  for await (const bytes of records) {
    if (MAY_NAME.test(bytes)) for (const name of namesIn(bytes)) names.add(name);
    yield bytes;
  }
}

async function* objectsOf(
  journal: Pick<JournalReader, 'object'>,
  names: ReadonlySet<string>,
): AsyncGenerator<StoredObject> {
  for (const hash of [...names].toSorted()) {
    const body = await journal.object(hash);
    if (body !== null) yield { hash, body };
  }
}

function namesIn(bytes: string): readonly string[] {
  const { input } = (JSON.parse(bytes) as JournalRecord).data; // the journal's own bytes
  if (typeof input !== 'object' || input === null) return [];
  const members = new Map(Object.entries(input));
  return NAMING.map((name) => members.get(name)).filter((name) => typeof name === 'string');
}
