import type { JournalReader } from '../../journal/journal.ts';

/** Rows read at once. */
const PAGE = 500;

/** Names of the streams whose records hold texts of a person. @param person `per_…`. */
export async function streamsOfPerson(
  journal: Pick<JournalReader, 'listViews'>,
  person: string,
): Promise<readonly string[]> {
  const streams: string[] = [];
  for (let skip = 0; ; skip += PAGE) {
    const page = { kind: 'person-stream', parent: person, status: 'holds', limit: PAGE, skip } as const;
    const { items } = await journal.listViews(page);
    for (const { id } of items) streams.push(id.slice(0, -person.length - 1));
    if (items.length < PAGE) return streams;
  }
}
