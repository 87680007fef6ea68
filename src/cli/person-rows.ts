import { personsInBytes } from '../journal/persons/opened-record.ts';
import { bodyOf, type RowSource } from './row-source.ts';

/** Which streams hold whose personal texts: a row that is missing would hide a stream from an export of what is held on somebody. */
export const personRows: RowSource = {
  kinds: ['person-stream'],
  async *rows(journal) {
    for (const stream of await journal.streams()) {
      const stored = await journal.log.recordRows(stream);
      const persons = new Set(stored.flatMap(({ bytes }) => personsInBytes(bytes)));
      for (const person of persons) {
        const row = { columns: { parent: person, ref: stream }, members: { person }, membersOf: bodyOf };
        yield { kind: 'person-stream', id: `${stream} ${person}`, stream, row };
      }
      const usual = persons.size === 0 ? null : await journal.view('person-stream', stream);
      if (usual === null) continue;
      // Whose a stream usually is follows from its first record; here it only has to be somebody of it or of another stream.
      yield {
        kind: 'person-stream',
        id: stream,
        stream,
        row: { columns: { ref: stream }, members: {}, membersOf: bodyOf },
      };
    }
  },
};
