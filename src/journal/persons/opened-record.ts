import type { SealedRecord } from '../../pipeline/audit/record.ts';
import { decryptTexts, recordKey } from '../../pipeline/persons/encrypted-texts.ts';
import type { StoredPerson } from '../../pipeline/persons/person-keys.ts';
import { boxesIn } from '../../pipeline/persons/openings.ts';
import { ERASED, OTHERS, putTexts, TAKEN } from '../../pipeline/persons/personal-texts.ts';
import { FirebreakError } from '../../platform/errors.ts';

/** Whose texts a stored record holds. It was judged by others that it is one. */
export function personsInBytes(bytes: string): readonly string[] {
  if (!bytes.includes(`"${TAKEN}"`)) return [];
  const { data } = JSON.parse(bytes) as SealedRecord['record'];
  return boxesIn(data).map(([person]) => person);
}

/**
 * The record with its texts, or with `[erased]` for those of persons who were erased. Its bytes stay as they are.
 * @param only a person: then texts of others read `[somebody else]`.
 * @throws FirebreakError `store_unavailable` when the keys are not those of this journal, or the texts were changed.
 */
export async function openedRecord<Stored extends Pick<SealedRecord, 'record'>>(
  stored: Stored,
  persons: { load(id: string): Promise<StoredPerson | null> },
  only: string | null = null,
): Promise<Stored> {
  const { record } = stored;
  const { [TAKEN]: taken, ...data } = record.data;
  if (taken === undefined) return stored;
  const texts: (readonly string[] | string)[] = [];
  for (const [id, box] of boxesIn(record.data)) {
    if (only !== null && id !== only) {
      texts.push(OTHERS);
      continue;
    }
    const person = await persons.load(id);
    if (person === null) throw unreadable(`there is no key of ${id}`);
    texts.push(person.key === null ? ERASED : opened(person.key, record, box));
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
