import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { recordType } from '../../pipeline/audit/record-types.ts';
import { FIRST_PREV, sealRecord, type SealedRecord } from '../../pipeline/audit/record.ts';
import type { Append, Change, ChangeResult } from '../journal.ts';
import { arrivalStatements } from './arrivals.ts';
import { recordTimes, type StreamRow } from './record-times.ts';
import { isStale, staleness } from './stale.ts';
import { viewStatements } from './view-statements.ts';

/** Applies changes, all in one transaction. Inside of another transaction they belong to that one. */
export interface Writer {
  commit(changes: readonly Change[]): readonly ChangeResult[];
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

  function checkAppend(append: Append): StreamRow | null {
    const head = sql.head.get(append.stream) ?? null;
    if ((head?.seq ?? 0) !== append.expectedSeq) throw staleness(`stream ${append.stream}`);
    return head;
  }

  function applyAppend(append: Append, head: StreamRow | null): SealedRecord[] {
    // Only asked whether it is stale: a stream without records is none.
    if (append.records.length === 0) return [];
    let seq = append.expectedSeq;
    let prev = head?.hash ?? FIRST_PREV;
    let at = head === null ? 0 : times.lastAt(head);
    const sealed = append.records.map((draft) => {
      seq += 1;
      at = Math.max(at, draft.at);
      // A type that nobody classed must never be written: what of it is personal could not be told later.
      recordType(draft.type, draft.v);
      const record = sealRecord({ ...draft, at, prev, seq, stream: append.stream });
      prev = record.hash;
      return record;
    });
    times.remember(prev, at);
    const stream = head?.no ?? sql.newStream.run(append.stream, seq, prev).lastInsertRowid;
    if (head !== null) sql.moveHead.run(seq, prev, head.no, append.expectedSeq);
    for (const { record, bytes, hash } of sealed) sql.record.run(stream, record.seq, bytes, Buffer.from(hash, 'hex'));
    return sealed;
  }

  // Only records are hashed; the rows below are read back by this adapter alone, so plain JSON will do.
  function applyRows(change: Change): void {
    for (const { hash, body } of change.objects ?? []) sql.object.run(hash, canonicalJson(body));
    for (const { event, raw } of change.events ?? []) {
      const { source, id, time, rawHash } = event;
      const { changes } = sql.event.run(source, id, time, rawHash, JSON.stringify(event), raw);
      if (changes === 0) throw staleness(`event ${id}`);
    }
    if (change.arrival !== undefined) arrivals.add(change.arrival);
    for (const { chosen, before } of change.forgottenStates ?? []) sql.forgetStates.run(Number(chosen), before);
    for (const { rule, key, expectedVersion, chosen, touchedAt, body } of change.detectorStates ?? []) {
      const text = JSON.stringify(body);
      const { changes } =
        expectedVersion === 0
          ? sql.newState.run(rule, key, Number(chosen), touchedAt, text)
          : sql.moveState.run(Number(chosen), touchedAt, text, rule, key, expectedVersion);
      if (changes === 0) throw staleness(`state ${rule} ${key}`);
    }
    for (const view of change.views ?? []) views.write(view);
    for (const { execution, name, generation, due } of change.timers ?? []) {
      if (due === null) sql.noTimer.run(execution, name);
      else sql.timer.run(execution, name, generation, due);
    }
    for (const { execution, name, body } of change.effects ?? []) {
      if (body === null) sql.noEffect.run(execution, name);
      else sql.effect.run(execution, name, JSON.stringify(body));
    }
  }

  function apply(change: Change): ChangeResult {
    const heads = change.appends.map(checkAppend);
    const records = change.appends.flatMap((append, index) => applyAppend(append, heads[index] ?? null));
    applyRows(change);
    return { status: 'applied', records };
  }
  const applyInSavepoint = database.transaction(apply);

  /** A stale member takes back only what it wrote itself; most can only turn stale before they wrote anything. */
  function applyOne(change: Change): ChangeResult {
    return mayTurnStaleHalfWay(change) ? applyInSavepoint(change) : apply(change);
  }
  const applyAll = database.transaction((changes: readonly Change[]) =>
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
function mayTurnStaleHalfWay({ events = [], arrival, detectorStates = [], views = [] }: Change): boolean {
  if (events.length > 0 || arrival !== undefined || detectorStates.length > 0) return true;
  return views.some(({ expectedVersion, uniqueKey = null }) => expectedVersion !== null || uniqueKey !== null);
}
