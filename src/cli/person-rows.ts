import { z } from 'zod';
import { personsInBytes } from '../journal/persons/opened-record.ts';
import type { JsonObject } from '../platform/canonical-json.ts';
import { bodyOf, type ExpectedRow, type RowSource } from './row-source.ts';

const USUAL = z.looseObject({ person: z.string() });

/** Which streams hold whose personal texts: a row that is missing would hide a stream from an export of what is held on somebody. */
export const personRows: RowSource = {
  kinds: ['person-stream'],
  async *rows(journal) {
    for (const stream of await journal.streams()) {
      const stored = await journal.log.recordRows(stream);
      const persons = new Set(stored.flatMap(({ bytes }) => personsInBytes(bytes)));
      if (persons.size === 0) continue;
      // Whose a stream usually is follows from its first record; here it only has to be somebody.
      const usual = USUAL.safeParse((await journal.view('person-stream', stream))?.body).data?.person ?? null;
      yield { kind: 'person-stream', id: stream, stream, row: rowOf(usual) };
      for (const person of persons) {
        const id = `${stream} ${person}`;
        // For a short time whose it usually is had a row like the others' beside it.
        if (person !== usual || (await journal.view('person-stream', id)) !== null)
          yield { kind: 'person-stream', id, stream, row: rowOf(person) };
      }
    }
  },
};

function rowOf(person: string | null): ExpectedRow['row'] {
  const said: JsonObject = person === null ? {} : { person };
  return { columns: person === null ? {} : { parent: person }, members: said, membersOf: bodyOf };
}
