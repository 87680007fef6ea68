import { invariant } from '../../platform/errors.ts';
import { isStream, streamIn, USUAL, type Owner } from '../../pipeline/persons/owners.ts';
import type { Person, PersonKeys, StoredPerson } from '../../pipeline/persons/person-keys.ts';
import type { JournalReader, View } from '../journal.ts';

/** Most persons, and most streams, that are remembered: a miss costs a read. */
const MAX_REMEMBERED = 20_000;

/**
 * How long a key is believed that was read, in ms, where several processes share the journal: so much later than in the process that
 * erased somebody the others have forgotten them.
 */
export const PERSON_MEMORY_MS = 5_000;

/** The persons of a journal as this process knows them. */
export interface RememberedPersons {
  /**
   * Ids of persons by owner; makes who is new. A stream of which nothing is written yet has none.
   * @param begun whose the streams are that are about to be written.
   */
  ofOwners(
    owners: readonly Owner[],
    at: number,
    begun?: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<Owner, string>>;
  /** Whose the texts of a stream usually are, as far as it is written. */
  ofStream(stream: string): Promise<string | null>;
  key(id: string): Promise<Uint8Array>;
  load(id: string): Promise<StoredPerson | null>;
  /**
   * The rows that tell of a stream what no row tells yet: whose its texts usually are, and of whom it holds texts besides.
   * @param isNew nothing is written of it yet, and so there is no row
   */
  rowsFor(
    stream: string,
    at: number,
    usual: string,
    whose: readonly string[],
    isNew: boolean,
  ): Promise<readonly View[]>;
  /** Those rows are on disk. */
  written(rows: readonly View[]): void;
  /** Its key, and whose it is. */
  forget(id: string): void;
}

interface Known<Value> {
  readonly value: Value;
  readonly until: number;
}

/** @param monotonic ms of this process; only differences count. */
export function rememberedPersons(
  journal: Pick<JournalReader, 'view' | 'shared'>,
  keys: PersonKeys,
  monotonic: () => number,
): RememberedPersons {
  const byIdentity = new Map<string, Known<string>>();
  const byId = new Map<string, Known<StoredPerson>>();
  const usualOf = new Map<string, string>();
  const pairs = new Map<string, true>();
  const until = (): number => (journal.shared ? monotonic() + PERSON_MEMORY_MS : Number.POSITIVE_INFINITY);

  function known<Value>(map: ReadonlyMap<string, Known<Value>>, key: string): Value | null {
    const found = map.get(key);
    return found === undefined || found.until < monotonic() ? null : found.value;
  }

  /** Whose an identity is has a term of its own: reading what was written for somebody does not make a name theirs for longer. */
  function learn(identity: string, { id, key }: Person): void {
    remember(byIdentity, identity, { value: id, until: until() });
    remember(byId, id, { value: { id, key, erasedAt: null }, until: until() });
  }

  async function load(id: string): Promise<StoredPerson | null> {
    const found = known(byId, id);
    if (found !== null) return found;
    const person = (await keys.load([id])).get(id) ?? null;
    if (person !== null) remember(byId, id, { value: person, until: until() });
    return person;
  }

  async function ofStream(stream: string): Promise<string | null> {
    const remembered = usualOf.get(stream);
    if (remembered !== undefined) return remembered;
    const row = await journal.view('person-stream', stream);
    if (row === null) return null;
    const { person } = row.body as { readonly person: string }; // as `rowsFor` writes it
    remember(usualOf, stream, person);
    return person;
  }

  return {
    load,
    ofStream,
    async ofOwners(owners, at, begun = new Map()) {
      const found = new Map<Owner, string>();
      const unknown = new Set<string>();
      for (const owner of owners) {
        if (owner === USUAL) continue;
        const stream = isStream(owner) ? streamIn(owner) : null;
        const id = stream === null ? known(byIdentity, owner) : (begun.get(stream) ?? (await ofStream(stream)));
        if (id !== null) found.set(owner, id);
        else if (stream === null) unknown.add(owner);
      }
      if (unknown.size === 0) return found;
      for (const [identity, person] of await keys.ensure([...unknown].toSorted(), at)) {
        learn(identity, person);
        found.set(identity, person.id);
      }
      return found;
    },
    async key(id) {
      const person = await load(id);
      invariant(person !== null && person.key !== null, `person ${id} has a key`);
      return person.key;
    },
    async rowsFor(stream, at, usual, whose, isNew) {
      const known = isNew ? null : await ofStream(stream);
      const row = (id: string, person: string): View => {
        return { kind: 'person-stream', id, expectedVersion: null, parent: person, at, body: { person } };
      };
      const rows = known === null ? [row(stream, usual)] : [];
      for (const person of whose) {
        const id = `${stream} ${person}`;
        if (person !== (known ?? usual) && !pairs.has(id)) rows.push(row(id, person));
      }
      return rows;
    },
    written(rows) {
      for (const { kind, id, parent } of rows) {
        if (kind !== 'person-stream' || parent === undefined || parent === null) continue;
        if (id.includes(' ')) remember(pairs, id, true);
        else remember(usualOf, id, parent);
      }
    },
    forget(id) {
      byId.delete(id);
      // Somebody of this name who comes from now on is another person.
      for (const [identity, { value }] of byIdentity) if (value === id) byIdentity.delete(identity);
    },
  };
}

/** Sets a member and drops the oldest beyond the bound: a Map keeps the order of insertion. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_REMEMBERED) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
