import type { ConfigReader } from './config-reader.ts';

/** How personal texts stand in the records. */
export interface PersonConfig {
  /** New records hold them under the key of their person. What was encrypted is read either way. */
  readonly encrypted: boolean;
  /** File with the keys, for a journal in a file; null: `person-keys.sqlite` in the data directory. */
  readonly keysFile: string | null;
  /** PostgreSQL database with the keys, with its password, for a journal in one; null: a schema of its own in the journal's. */
  readonly keysUrl: string | null;
}

export function readPersons(read: ConfigReader): PersonConfig {
  return {
    encrypted: (read.oneOf('PERSONAL_DATA', ['encrypted', 'clear']) ?? 'encrypted') === 'encrypted',
    keysFile: read.path('PERSON_KEYS_FILE'),
    keysUrl: read.database('PERSON_KEYS_URL'),
  };
}
