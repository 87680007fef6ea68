import { z } from 'zod';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { JournalRecord } from '../audit/record.ts';
import { decryptTexts, recordKey } from './encrypted-texts.ts';
import type { StoredPerson } from './person-keys.ts';
import { ERASED, putTexts, TAKEN } from './personal-texts.ts';

/** What opens the texts of one person in one record, and nothing else: it goes with records to those who may read them. */
export interface Opening {
  readonly stream: string;
  readonly seq: number;
  readonly person: string;
  /** Base64 of the record's key. */
  readonly key: string;
}

/** Whose texts a record holds, each with its box. */
const BOXES = z.array(z.tuple([z.string(), z.string()]));
const OPENING = z.strictObject({
  stream: z.string(),
  seq: z.int().min(1),
  person: z.string(),
  key: z.base64().length(44),
});

/** The boxes of some data; none: they hold no encrypted texts. @throws when they are no boxes. */
export function boxesIn(data: JournalRecord['data']): readonly (readonly [person: string, box: string])[] {
  return TAKEN in data ? BOXES.parse(data[TAKEN]) : [];
}

/** The openings of a stored record, but for persons who were erased. */
export async function openingsOf(
  { stream, seq, data }: Pick<JournalRecord, 'stream' | 'seq' | 'data'>,
  persons: { load(id: string): Promise<StoredPerson | null> },
): Promise<readonly Opening[]> {
  const openings: Opening[] = [];
  for (const [person] of boxesIn(data)) {
    const key = (await persons.load(person))?.key ?? null;
    if (key === null) continue;
    openings.push({ stream, seq, person, key: recordKey(key, { stream, seq }).toString('base64') });
  }
  return openings;
}

export function formatOpening({ stream, seq, person, key }: Opening): string {
  return `${canonicalJson({ key, person, seq, stream })}\n`;
}

/** @throws FirebreakError `invalid_request` for a line that is none. */
export function parseOpening(line: string): Opening {
  try {
    return OPENING.parse(JSON.parse(line));
  } catch (cause) {
    throw new FirebreakError('invalid_request', 'openings.ndjson holds a line that opens nothing', [], { cause });
  }
}

/**
 * A stored record with the texts that these openings open; the others read `[erased]`.
 * @throws FirebreakError `invalid_request` when an opening is not of this record.
 */
function openedWith<Kept extends Pick<JournalRecord, 'stream' | 'seq' | 'data'>>(
  record: Kept,
  openings: readonly Opening[],
): Kept {
  const boxes = boxesIn(record.data);
  if (boxes.length === 0) return record;
  const { [TAKEN]: _taken, ...data } = record.data;
  const texts = boxes.map(([person, box]) => {
    const opening = openings.find((each) => each.person === person);
    return opening === undefined ? ERASED : textsOf(opening, record, box);
  });
  return { ...record, data: putTexts(data, texts) };
}

/** `openedWith` for many openings, each of which is found by its record. */
export function opener(openings: Iterable<Opening>): <Kept extends JournalRecord>(record: Kept) => Kept {
  const byRecord = new Map<string, Opening[]>();
  for (const opening of openings) {
    const name = `${opening.stream} ${opening.seq}`;
    byRecord.set(name, [...(byRecord.get(name) ?? []), opening]);
  }
  return (record) => openedWith(record, byRecord.get(`${record.stream} ${record.seq}`) ?? []);
}

function textsOf({ key }: Opening, record: Pick<JournalRecord, 'stream' | 'seq'>, box: string): readonly string[] {
  try {
    return decryptTexts(Buffer.from(key, 'base64'), record, box);
  } catch (cause) {
    const message = `What is to open record ${record.seq} of ${record.stream} does not`;
    throw new FirebreakError('invalid_request', message, [], { cause });
  }
}
