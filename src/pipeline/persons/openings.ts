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
 * A stored record with its texts; its bytes stay as they are.
 * @param textsOf the texts of a person's box, or what all of them read instead.
 */
export function openedWith<Kept extends Pick<JournalRecord, 'data'>>(
  record: Kept,
  textsOf: (person: string, box: string) => readonly string[] | string,
): Kept {
  const { [TAKEN]: taken, ...data } = record.data;
  if (taken === undefined) return record;
  const texts = boxesIn(record.data).map(([person, box]) => textsOf(person, box));
  return { ...record, data: putTexts(data, texts) };
}

/**
 * Opens records with what was handed out for them; texts that none of these opens read `[erased]`.
 * The function that it returns throws FirebreakError `invalid_request` when an opening is not of its record.
 */
export function opener(openings: Iterable<Opening>): <Kept extends JournalRecord>(record: Kept) => Kept {
  const keys = new Map<string, string>();
  const name = (stream: string, seq: number, person: string): string => canonicalJson([stream, seq, person]);
  for (const { stream, seq, person, key } of openings) keys.set(name(stream, seq, person), key);
  return (record) =>
    openedWith(record, (person, box) => {
      const key = keys.get(name(record.stream, record.seq, person));
      return key === undefined ? ERASED : textsIn(key, record, box);
    });
}

function textsIn(key: string, record: Pick<JournalRecord, 'stream' | 'seq'>, box: string): readonly string[] {
  try {
    return decryptTexts(Buffer.from(key, 'base64'), record, box);
  } catch (cause) {
    const message = `What is to open record ${record.seq} of ${record.stream} does not`;
    throw new FirebreakError('invalid_request', message, [], { cause });
  }
}
