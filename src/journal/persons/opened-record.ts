import { z } from 'zod';
import type { SealedRecord } from '../../pipeline/audit/record.ts';
import { decryptTexts, recordKey } from '../../pipeline/persons/encrypted-texts.ts';
import type { StoredPerson } from '../../pipeline/persons/person-keys.ts';
import { putTexts, TAKEN } from '../../pipeline/persons/personal-texts.ts';
import { FirebreakError } from '../../platform/errors.ts';

/** Whose texts a record holds, each with its box. */
const BOXES = z.array(z.tuple([z.string(), z.string()]));

/** Whose texts a stored record holds. It was judged by others that it is one. */
export function personsInBytes(bytes: string): readonly string[] {
  if (!bytes.includes(`"${TAKEN}"`)) return [];
  const { data } = JSON.parse(bytes) as SealedRecord['record'];
  return TAKEN in data ? BOXES.parse(data[TAKEN]).map(([person]) => person) : [];
}

/**
 * The record with its texts, or with `[erased]` for those of persons who were erased. Its bytes stay as they are.
 * @throws FirebreakError `store_unavailable` when the keys are not those of this journal, or the texts were changed.
 */
export async function openedRecord<Stored extends Pick<SealedRecord, 'record'>>(
  stored: Stored,
  persons: { load(id: string): Promise<StoredPerson | null> },
): Promise<Stored> {
  const { record } = stored;
  const { [TAKEN]: taken, ...data } = record.data;
  if (taken === undefined) return stored;
  const texts: (readonly string[] | null)[] = [];
  for (const [id, box] of BOXES.parse(taken)) {
    const person = await persons.load(id);
    if (person === null) throw unreadable(`there is no key of ${id}`);
    texts.push(person.key === null ? null : opened(person.key, record, box));
  }
  return { ...stored, record: { ...record, data: putTexts(data, texts) } };
}

function opened(key: Uint8Array, place: SealedRecord['record'], box: string): readonly string[] {
  try {
    return decryptTexts(recordKey(key, place), place, box);
  } catch (cause) {
    throw unreadable('they were changed, or belong to another record', cause);
  }
}

function unreadable(why: string, cause?: unknown): FirebreakError {
  const message = `The personal texts of a record cannot be read: ${why}. Put back the store of keys that belongs to this journal`;
  return new FirebreakError('store_unavailable', message, [], { cause });
}
