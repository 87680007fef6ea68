import type { Database } from 'better-sqlite3';
import { FIRST_PREV, sealWritten } from '../../pipeline/audit/record.ts';
import type { ChangeResult } from '../journal.ts';
import { arrivalStatements } from './arrivals.ts';
import { recordTimes, type StreamRow } from './record-times.ts';
import type { AppendRows, ChangeRows } from './rows.ts';
import { isStale, staleness } from './stale.ts';
import { viewStatements } from './view-statements.ts';

/** Applies changes, all in one transaction. Inside of another transaction they belong to that one. */
export interface Writer {
  commit(changes: readonly ChangeRows[]): readonly ChangeResult[];
}

export function makeWriter(database: Database): Writer {
  const sql = {
    head: database.prepare<[string], StreamRow>('select no, seq, hash from streams where name = ?'),
    newStream: database.prepare<[string, number, string]>('insert into streams (name, seq, hash) values (?, ?, ?)'),
    moveHead: database.prepare<[number, string, number, number]>(
      'update streams set seq = ?, hash = ? where no = ? and seq = ?',
    ),
    record: database.prepare<[number | bigint, number, string, Buffer]>(
      'insert into records (stream, seq, bytes, hash) values (?, ?, ?, ?)',
    ),
    object: database.prepare<[string, string]>('insert into objects (hash, body) values (?, ?) on conflict do nothing'),
    event: database.prepare<[string, string, number, string, string, Uint8Array]>(
      `insert into events (source, id, time, raw_hash, body, raw) values (?, ?, ?, ?, ?, ?)
       on conflict (source, id) do nothing`,
    ),
    newState: database.prepare<[string, string, number, number, string]>(
      `insert into detector_states (rule, key, version, chosen, touched, body) values (?, ?, 1, ?, ?, ?)
       on conflict (rule, key) do nothing`,
    ),
    moveState: database.prepare<[number, number, string, string, string, number]>(
      `update detector_states set version = version + 1, chosen = ?, touched = ?, body = ?
       where rule = ? and key = ? and version = ?`,
    ),
    forgetStates: database.prepare<[number, number]>('delete from detector_states where chosen = ? and touched < ?'),
    timer: database.prepare<[string, string, number, number]>(
      `insert into timers (execution, name, generation, due) values (?, ?, ?, ?)
       on conflict (execution, name) do update set generation = excluded.generation, due = excluded.due`,
    ),
    noTimer: database.prepare<[string, string]>('delete from timers where execution = ? and name = ?'),
    effect: database.prepare<[string, string, string]>(
      `insert into effects (execution, name, body) values (?, ?, ?)
       on conflict (execution, name) do update set body = excluded.body`,
    ),
    noEffect: database.prepare<[string, string]>('delete from effects where execution = ? and name = ?'),
  };
  const views = viewStatements(database);
  const arrivals = arrivalStatements(database);
  const times = recordTimes(database);

  function checkAppend(append: AppendRows): StreamRow | null {
    const head = sql.head.get(append.stream) ?? null;
    if ((head?.seq ?? 0) !== append.expectedSeq) throw staleness(`stream ${append.stream}`);
    return head;
  }

  function applyAppend({ stream, expectedSeq, records }: AppendRows, head: StreamRow | null): string[] {
    // Only asked whether it is stale: a stream without records is none.
    if (records.length === 0) return [];
    let prev = head?.hash ?? FIRST_PREV;
    let at = head === null ? 0 : times.lastAt(head);
    const sealed = records.map((record, index) => {
      at = Math.max(at, record.at);
      const seq = expectedSeq + index + 1;
      const { bytes, hash } = sealWritten({ ...record, at, stream }, seq, prev);
      prev = hash;
      return { seq, bytes, hash };
    });
    times.remember(prev, at);
    const seq = expectedSeq + records.length;
    const no = head?.no ?? sql.newStream.run(stream, seq, prev).lastInsertRowid;
    if (head !== null) sql.moveHead.run(seq, prev, head.no, expectedSeq);
    for (const record of sealed) sql.record.run(no, record.seq, record.bytes, Buffer.from(record.hash, 'hex'));
    return sealed.map(({ hash }) => hash);
  }

  function applyRows(change: ChangeRows): void {
    for (const { hash, body } of change.objects) sql.object.run(hash, body);
    for (const { source, id, time, rawHash, body, raw } of change.events) {
      const { changes } = sql.event.run(source, id, time, rawHash, body, raw);
      if (changes === 0) throw staleness(`event ${id}`);
    }
    if (change.arrival !== undefined) arrivals.add(change.arrival);
    for (const { chosen, before } of change.forgottenStates) sql.forgetStates.run(Number(chosen), before);
    for (const { rule, key, expectedVersion, chosen, touchedAt, body } of change.detectorStates) {
      const { changes } =
        expectedVersion === 0
          ? sql.newState.run(rule, key, Number(chosen), touchedAt, body)
          : sql.moveState.run(Number(chosen), touchedAt, body, rule, key, expectedVersion);
      if (changes === 0) throw staleness(`state ${rule} ${key}`);
    }
    for (const view of change.views) views.write(view);
    for (const { execution, name, generation, due } of change.timers) {
      if (due === null) sql.noTimer.run(execution, name);
      else sql.timer.run(execution, name, generation, due);
    }
    for (const { execution, name, body } of change.effects) {
      if (body === null) sql.noEffect.run(execution, name);
      else sql.effect.run(execution, name, body);
    }
  }

  function apply(change: ChangeRows): ChangeResult {
    const heads = change.appends.map(checkAppend);
    const hashes = change.appends.flatMap((append, index) => applyAppend(append, heads[index] ?? null));
    applyRows(change);
    return { status: 'applied', hashes };
  }
  const applyInSavepoint = database.transaction(apply);

  /** A stale member takes back only what it wrote itself; most can only turn stale before they wrote anything. */
  function applyOne(change: ChangeRows): ChangeResult {
    return mayTurnStaleHalfWay(change) ? applyInSavepoint(change) : apply(change);
  }
  const applyAll = database.transaction((changes: readonly ChangeRows[]) =>
    changes.map((change): ChangeResult => {
      try {
        return applyOne(change);
      } catch (thrown) {
        if (isStale(thrown)) return { status: 'stale', what: thrown.stale };
        throw thrown;
      }
    }),
  );
  return { commit: (changes) => (database.inTransaction ? changes.map(applyOne) : applyAll.immediate(changes)) };
}

/** Whether it expects more than the heads of its streams, which are looked at before anything is written. */
function mayTurnStaleHalfWay({ events, arrival, detectorStates, views }: ChangeRows): boolean {
  if (events.length > 0 || arrival !== undefined || detectorStates.length > 0) return true;
  return views.some(({ expectedVersion, uniqueKey = null }) => expectedVersion !== null || uniqueKey !== null);
}
