/** One step of the schema. Steps only add: a program that knows the schema before can go on with the one after. */
export interface Migration {
  readonly sql: string;
  /**
   * The oldest schema version whose programs can read and write a journal after this step. A step that takes something
   * away may come one release after nobody uses it any more, and raises this.
   */
  readonly oldestReader: number;
}

/**
 * Forward-only migrations of the SQLite journal. The index of a migration plus one is the `user_version` after it.
 *
 * `records` is an append-only rowid table: in measurements this layout stored a quarter less and ran a quarter
 * faster than a table clustered by (stream, seq). The bytes are exactly what was hashed; the columns beside them
 * are indexes. In SQLite there is one writer, so rowids grow in commit order and "not yet placed in the log" is
 * everything behind the last placed rowid (`meta`, key `placed`). A leaf names its record by
 * stream and seq, so that a record that is taken out leaves a leaf behind that says which one it was.
 *
 * The seq of a stream turns negative when its records go to an archive: nobody who remembers the stream can append to it
 * then, and only then may its records be deleted. That is the one door in the trigger, and `sqlite-retention.ts` the
 * one place that opens it; whoever opens it by hand is found by the verifier, which asks for a signed record that
 * names the stream.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    oldestReader: 1,
    sql: `
  create table meta (key text primary key, value text not null) without rowid;

  create table streams (no integer primary key, name text not null unique, seq integer not null, hash text not null);

  create table records (
    no integer primary key, stream integer not null, seq integer not null, bytes text not null, hash blob not null,
    unique (stream, seq)
  );
  create trigger records_are_immutable before update on records begin select raise(abort, 'records are immutable'); end;
  create trigger records_are_kept before delete on records begin select raise(abort, 'records are kept'); end;

  create table leaves (position integer primary key, stream integer not null, seq integer not null, hash blob not null);
  create table checkpoints (size integer primary key, at integer not null, note text not null);

  create table objects (hash text primary key, body text not null) without rowid;

  create table events (
    no integer primary key, source text not null, id text not null, time integer not null,
    raw_hash text not null, body text not null, raw blob not null, unique (source, id)
  );
  create index events_by_time on events (time, source, id);
  create table arrivals (batch integer primary key, last_event integer not null);

  create table detector_states (
    rule text not null, key text not null, version integer not null, chosen integer not null, touched integer not null,
    body text not null, primary key (rule, key)
  ) without rowid;
  create index detector_states_by_touch on detector_states (chosen, touched);

  create table views (
    kind text not null, id text not null, version integer not null, unique_key text, status text, type text,
    severity text, subject text, parent text, ref text, at integer not null, body text not null, primary key (kind, id)
  );
  create unique index views_unique_key on views (kind, unique_key) where unique_key is not null;
  create index views_by_time on views (kind, at, id);
  create index views_by_status on views (kind, status, at) where status is not null;
  create index views_by_parent on views (kind, parent, at) where parent is not null;

  create table timers (
    execution text not null, name text not null, generation integer not null, due integer not null,
    primary key (execution, name)
  ) without rowid;
  create index timers_by_due on timers (due);

  create table effects (
    execution text not null, name text not null, body text not null, primary key (execution, name)
  ) without rowid;
  `,
  },
  {
    oldestReader: 1,
    sql: `
  drop trigger records_are_kept;
  create trigger records_are_kept before delete on records
    when not exists (select 1 from streams where no = old.stream and seq < 0)
    begin select raise(abort, 'records are kept'); end;
  `,
  },
];
