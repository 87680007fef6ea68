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
 * Forward-only migrations of the PostgreSQL journal; the index of a migration plus one is the version after it.
 *
 * Names are compared by their bytes (`collate "C"`), as SQLite does it. The bytes of a record are exactly what was
 * hashed; they are canonical JSON, so they hold neither a NUL character nor half a surrogate pair. `streams` is the
 * row that a writer locks, with the time of the stream's newest record beside its hash. A record stays in
 * `unsequenced` until it has its place in the log: no cursor over ids or times, which a late commit would slip past.
 *
 * The seq of a stream turns negative when its records go to an archive: nobody who remembers the stream can append to it
 * then, and only then may its records be deleted. That is the one door in the trigger, and `retention.ts` the one place
 * that opens it; whoever opens it by hand is found by the verifier, which asks for a signed record that names the stream.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    oldestReader: 1,
    sql: `
  create table meta (key text collate "C" primary key, value text not null);

  create table streams (
    no bigint generated always as identity primary key, name text collate "C" not null unique, seq bigint not null,
    hash text collate "C" not null, at bigint not null
  ) with (fillfactor = 70);

  create table records (
    stream bigint not null, seq bigint not null, bytes text not null, hash bytea not null, primary key (stream, seq)
  );
  create function refuse_change() returns trigger language plpgsql as
    $$ begin raise exception 'records are %', tg_argv[0]; end $$;
  create trigger records_are_immutable before update on records for each row execute function refuse_change('immutable');
  create trigger records_are_kept before delete on records for each row execute function refuse_change('kept');
  create trigger records_stay before truncate on records for each statement execute function refuse_change('kept');

  create table unsequenced (stream bigint not null, seq bigint not null, primary key (stream, seq));
  create table leaves (position bigint primary key, stream bigint not null, seq bigint not null, hash bytea not null);
  create table checkpoints (size bigint primary key, at bigint not null, note text not null);

  create table objects (hash text collate "C" primary key, body text not null);

  create table events (
    source text collate "C" not null, id text collate "C" not null, time bigint not null, raw_hash text not null,
    body text not null, raw bytea not null, primary key (source, id)
  );
  create index events_by_time on events (time, source, id);

  create table detector_states (
    rule text collate "C" not null, key text collate "C" not null, version bigint not null, chosen boolean not null,
    touched bigint not null, body text not null, primary key (rule, key)
  );
  create index detector_states_by_touch on detector_states (chosen, touched);

  create table views (
    kind text collate "C" not null, id text collate "C" not null, version bigint not null, unique_key text collate "C",
    status text collate "C", type text collate "C", severity text collate "C", subject text collate "C",
    parent text collate "C", ref text collate "C", at bigint not null, body text not null, primary key (kind, id)
  ) with (fillfactor = 80);
  create unique index views_unique_key on views (kind, unique_key) where unique_key is not null;
  create index views_by_time on views (kind, at, id);
  create index views_by_status on views (kind, status, at) where status is not null;
  create index views_by_parent on views (kind, parent, at) where parent is not null;

  create table timers (
    execution text collate "C" not null, name text collate "C" not null, generation bigint not null,
    due bigint not null, primary key (execution, name)
  );
  create index timers_by_due on timers (due);

  create table effects (
    execution text collate "C" not null, name text collate "C" not null, body text not null,
    owner text collate "C", primary key (execution, name)
  );
  create index effects_by_owner on effects (owner);

  create table processes (
    id text collate "C" primary key, beat_at timestamptz not null, schema integer not null
  ) with (fillfactor = 50);
  create table duties (name text collate "C" primary key, owner text collate "C" not null);
  create table batches (id text collate "C" primary key, at timestamptz not null default clock_timestamp());

  -- Queues: their rows come and go by the thousand, and what is left of the gone must not be read again and again.
  alter table unsequenced set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  alter table timers set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  alter table effects set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  alter table batches set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  `,
  },
  {
    oldestReader: 1,
    sql: `
  create function refuse_removal() returns trigger language plpgsql as $$ begin
    if exists (select 1 from streams where no = old.stream and seq < 0) then return old; end if;
    raise exception 'records are kept';
  end $$;
  drop trigger records_are_kept on records;
  create trigger records_are_kept before delete on records for each row execute function refuse_removal();
  `,
  },
];
