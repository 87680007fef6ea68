import { FirebreakError } from '../../platform/errors.ts';
import { hmacSha256 } from '../../platform/hash.ts';
import { PERSON_KEY_BYTES, type Person } from '../../pipeline/persons/person-keys.ts';

/** Letters of a person's id, each of 32: 130 bits, so many that no two are ever the same. */
const ID_LETTERS = 26;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export type Random = (bytes: number) => Uint8Array;

/** A pseudonym and a key. The id says nothing: it stays in the records when the key is gone. */
export function newPerson(random: Random): Person {
  let text = '';
  for (const byte of random(ID_LETTERS)) text += ALPHABET.charAt(byte & 31);
  return { id: `per_${text}`, key: random(PERSON_KEY_BYTES) };
}

/** What an identity is found under: whoever has the store alone cannot read names in it, only try them. */
export function lookupOf(salt: string, identity: string): string {
  return hmacSha256(salt, identity).toString('base64url');
}

/** @throws FirebreakError `conflict`: with the keys of another journal every text would look erased. */
export function requireSameJournal(found: string | undefined, journalId: string): void {
  if (found === journalId) return;
  const whose = found === undefined ? 'no journal' : `journal ${found}`;
  const message = `The keys of persons are those of ${whose}, and this is ${journalId}: put back the store of keys that belongs to it`;
  throw new FirebreakError('conflict', message);
}
