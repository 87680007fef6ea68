import { invariant } from '../../platform/errors.ts';
import { isStream, ownedIn, USUAL, type Owner } from '../../pipeline/persons/owners.ts';
import { encryptTexts, recordKey } from '../../pipeline/persons/encrypted-texts.ts';
import type { PersonKeys } from '../../pipeline/persons/person-keys.ts';
import { TAKEN, takeTexts } from '../../pipeline/persons/personal-texts.ts';
import type { Append, Change, Journal, RecordDraft, View } from '../journal.ts';
import { openedRecord } from './opened-record.ts';
import { rememberedPersons, type RememberedPersons } from './remembered-persons.ts';

/** A journal that keeps personal texts under keys. */
export interface PersonalJournal extends Journal {
  readonly persons: RememberedPersons;
  readonly keys: PersonKeys;
}

export interface PersonalOptions {
  /** False: what comes is written as it is; what was encrypted is read all the same. */
  readonly encrypts: boolean;
  /** Ms of this process; only differences count. */
  readonly monotonic: () => number;
}

/**
 * A journal whose records hold personal texts under the keys of their persons only. Whoever reads a stream through it gets the texts
 * back, or `[erased]`; the bytes, and so the hashes and the log, are of what is stored. Rows hold them in the clear: they are what
 * people are shown, and an erasure writes them anew.
 *
 * In the same commit stand rows of kind `person-stream`: whose the texts of a stream usually are (id: the stream), and of whom else it
 * holds some (id: the stream, a space and the person).
 */
export function personalJournal(
  inner: Journal,
  keys: PersonKeys,
  { encrypts, monotonic }: PersonalOptions,
): PersonalJournal {
  const persons = rememberedPersons(inner, keys, monotonic);
  return {
    ...inner,
    persons,
    keys,
    async commit(changes) {
      if (!encrypts) return inner.commit(changes);
      const prepared = changes.map(preparedChange);
      // Who is new is made in one go: each time costs a sync.
      await persons.ofOwners(prepared.flatMap(ownersOf), atOf(changes));
      const begun = new Map<string, string>();
      const encrypted: Change[] = [];
      // One after the other: whose a stream is that one change begins is known to the next.
      for (const each of prepared) encrypted.push(await encryptedChange(each, persons, begun));
      const results = await inner.commit(encrypted);
      for (const [index, { views = [] }] of encrypted.entries())
        if (results[index]?.status === 'applied') persons.written(views);
      return results;
    },
    async readStream(stream, afterSeq) {
      const records = await inner.readStream(stream, afterSeq);
      return Promise.all(records.map((stored) => openedRecord(stored, persons)));
    },
    async close() {
      await inner.close();
      await keys.close();
    },
  };
}

/** A change, and what of each of its appends is personal; null: nothing. */
interface PreparedChange {
  readonly change: Change;
  readonly appends: readonly (PreparedAppend | null)[];
}

interface PreparedAppend {
  /** What is taken out of each record; null: nothing. */
  readonly taken: readonly (Taken | null)[];
  /** Whose the stream is, as far as its records say it. */
  readonly first: Owner;
}

type Taken = NonNullable<ReturnType<typeof takeTexts>>;

function preparedChange(change: Change): PreparedChange {
  return { change, appends: change.appends.map(preparedAppend) };
}

function preparedAppend({ stream, records }: Append): PreparedAppend | null {
  const owned = records.map((record) => ownedIn(stream, record));
  if (owned.every((each) => each === null)) return null;
  const taken = records.map(({ data }, index) => {
    const each = owned[index] ?? null;
    return each === null ? null : takeTexts(data, each);
  });
  if (taken.every((each) => each === null)) return null;
  return { taken, first: owned.find((each) => each !== null && each.owner !== USUAL)?.owner ?? USUAL };
}

/** Identities only: streams are asked for when their turn comes. */
function ownersOf({ appends }: PreparedChange): readonly Owner[] {
  return appends.flatMap((append) => (append === null ? [] : textOwnersOf(append))).filter((owner) => !isStream(owner));
}

function textOwnersOf({ taken }: PreparedAppend): readonly Owner[] {
  return taken.flatMap((each) => (each === null ? [] : [...each.texts.keys()]));
}

function atOf(changes: readonly Change[]): number {
  return changes[0]?.appends[0]?.records[0]?.at ?? 0;
}

/** @param begun whose the streams are that earlier changes of the same commit begin. */
async function encryptedChange(
  { change, appends: prepared }: PreparedChange,
  persons: RememberedPersons,
  begun: Map<string, string>,
): Promise<Change> {
  if (prepared.every((each) => each === null)) return change;
  const appends: Append[] = [];
  const rows: View[] = [];
  for (const [index, append] of change.appends.entries()) {
    const each = prepared[index] ?? null;
    if (each === null) {
      appends.push(append);
      continue;
    }
    const encrypted = await encryptedAppend(append, each, persons, begun);
    appends.push({ ...append, records: encrypted.records });
    rows.push(...encrypted.rows);
  }
  return { ...change, appends, views: [...(change.views ?? []), ...rows] };
}

async function encryptedAppend(
  { stream, expectedSeq, records }: Append,
  prepared: PreparedAppend,
  persons: RememberedPersons,
  begun: Map<string, string>,
): Promise<{ readonly records: readonly RecordDraft[]; readonly rows: readonly View[] }> {
  const at = records[0]?.at ?? 0;
  const { usual, ids } = await whoseTheyAre();
  const encrypted: RecordDraft[] = [];
  for (const [index, record] of records.entries()) {
    const each = prepared.taken[index] ?? null;
    encrypted.push(each === null ? record : { ...record, data: await withBoxes(each, expectedSeq + index + 1) });
  }
  return {
    records: encrypted,
    rows: await persons.rowsFor(stream, at, usual, [...new Set(ids.values())], expectedSeq === 0),
  };

  /** Ids of persons by owner. What nobody knows the owner of is the stream's own: it is not written in the clear for that. */
  async function whoseTheyAre() {
    const { first } = prepared;
    const names = textOwnersOf(prepared);
    const before = await living(begun.get(stream) ?? (expectedSeq === 0 ? null : await persons.ofStream(stream)));
    const found = await persons.ofOwners(before === null ? [...names, first] : names, at, begun);
    const known = before ?? (await living(found.get(first) ?? null)) ?? (await nobodys(stream, at, persons));
    begun.set(stream, known);
    const ids = new Map<Owner, string>();
    for (const name of names) ids.set(name, (await living(found.get(name) ?? null)) ?? known);
    return { usual: known, ids };
  }

  /** Null: nobody, or somebody who was erased. What is written about them afterwards is not theirs to be forgotten with. */
  async function living(person: string | null): Promise<string | null> {
    if (person === null) return null;
    const stored = await persons.load(person);
    return stored === null || stored.key === null ? null : person;
  }

  async function withBoxes({ data, texts }: Taken, seq: number): Promise<RecordDraft['data']> {
    const place = { stream, seq };
    const boxes: [string, string][] = [];
    for (const [owner, own] of texts) {
      const person = ids.get(owner) ?? usual;
      boxes.push([person, encryptTexts(recordKey(await persons.key(person), place), place, own)]);
    }
    return { ...data, [TAKEN]: boxes };
  }
}

async function nobodys(stream: string, at: number, persons: RememberedPersons): Promise<string> {
  const identity = `thing:${stream}`;
  const id = (await persons.ofOwners([identity], at)).get(identity);
  invariant(id !== undefined, 'every identity has a person');
  return id;
}
