/**
 * Where the keys of people are. It lies apart from the journal and is backed up for a shorter time: once a key is gone from there and
 * from its backups, whatever was encrypted under it says nothing any more, in every copy of the journal.
 */
export interface PersonKeys {
  /**
   * The person of an identity. When the promise resolves they are on disk: nothing is encrypted under a key that could be lost.
   * @param identity `account:`, `user:` or `thing:` and what names it.
   * @throws StoreUnavailableError.
   */
  ensure(identities: readonly string[], at: number): Promise<ReadonlyMap<string, Person>>;
  /** The person of an identity that is known; null: nobody of this name. */
  find(identity: string): Promise<Person | null>;
  /** By id; a person without a key was erased. @throws StoreUnavailableError. */
  load(ids: readonly string[]): Promise<ReadonlyMap<string, StoredPerson>>;
  /**
   * Forgets whose it is. The key stays for what is written already: somebody who comes again under the same name is another person
   * from now on, and in other processes as soon as they forget what they know.
   */
  detach(id: string): Promise<void>;
  /**
   * Destroys the key, and forgets whose it was: somebody who comes again under the same name is another person. What is gone
   * already is no error. When the promise resolves the key is not in the store's files any more.
   */
  erase(id: string, at: number): Promise<void>;
  count(): Promise<number>;
  close(): Promise<void>;
}

export interface Person {
  /** `per_…`: a pseudonym. */
  readonly id: string;
  /** 32 random bytes. */
  readonly key: Uint8Array;
}

export interface StoredPerson {
  readonly id: string;
  /** Null: erased. */
  readonly key: Uint8Array | null;
  readonly erasedAt: number | null;
}

/** Length of a person's key, in bytes: AES-256. */
export const PERSON_KEY_BYTES = 32;
