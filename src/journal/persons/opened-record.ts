import type { SealedRecord } from '../../pipeline/audit/record.ts';
import { decryptTexts, recordKey } from '../../pipeline/persons/encrypted-texts.ts';
import type { StoredPerson } from '../../pipeline/persons/person-keys.ts';
import { boxesIn, openedWith } from '../../pipeline/persons/openings.ts';
import { ERASED, OTHERS, TAKEN } from '../../pipeline/persons/personal-texts.ts';
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
  const whose = new Map<string, StoredPerson>();
  for (const [id] of boxesIn(record.data)) {
    if (only !== null && id !== only) continue;
    const person = await persons.load(id);
    if (person === null) throw unreadable(`there is no key of ${id}`);
    whose.set(id, person);
  }
  const opened = openedWith(record, (id, box) => {
    const person = whose.get(id);
    if (person === undefined) return OTHERS;
    return person.key === null ? ERASED : textsIn(person.key, record, box);
  });
  return { ...stored, record: opened };
}

function textsIn(key: Uint8Array, place: SealedRecord['record'], box: string): readonly string[] {
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
