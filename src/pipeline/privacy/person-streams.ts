import type { JournalReader } from '../../journal/journal.ts';

/** Rows read at once. */
const PAGE = 500;

/** Names of the streams whose records hold texts of a person. @param person `per_…`. */
export async function streamsOfPerson(
  journal: Pick<JournalReader, 'listViews'>,
  person: string,
): Promise<readonly string[]> {
  const streams = new Set<string>();
  for (let skip = 0; ; skip += PAGE) {
    const { items } = await journal.listViews({ kind: 'person-stream', parent: person, limit: PAGE, skip });
    // Names of streams have no spaces; behind one stands the person, where the stream is mostly somebody else's.
    for (const { id } of items) streams.add(id.split(' ', 1)[0] ?? id);
    if (items.length < PAGE) return [...streams];
  }
}
