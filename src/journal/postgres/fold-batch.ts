import { canonicalJson } from '../../platform/canonical-json.ts';
import { recordType } from '../../pipeline/audit/record-types.ts';
import { FIRST_PREV, sealRecord, type SealedRecord } from '../../pipeline/audit/record.ts';
import type { AcceptedEvent } from '../../pipeline/events/event.ts';
import type {
  Append,
  Change,
  ChangeResult,
  DetectorStateWrite,
  EffectWrite,
  ForgottenStates,
  TimerWrite,
  View,
} from '../journal.ts';
import { pairKey, requireStorable } from './row-keys.ts';
import { undoLog, type UndoTable } from './undo-table.ts';

/** A stream's row; `no` is null for one that this batch begins. */
export interface StreamRow {
  readonly name: string;
  readonly no: number | null;
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
}

export interface StateRow {
  readonly rule: string;
  readonly key: string;
  readonly version: number;
  readonly chosen: boolean;
  readonly touched: number;
  /** Null when it is not needed: what was there before the batch. */
  readonly body: string | null;
}

export interface ViewRow {
  readonly version: number;
  readonly uniqueKey: string | null;
  /** Null for what was there before the batch. */
  readonly view: View | null;
  readonly kind: string;
  readonly id: string;
}

/** What the database holds of all that a batch is about, read under locks. Keys are names, or pairs of names. */
export interface Present {
  readonly streams: ReadonlyMap<string, StreamRow>;
  readonly events: ReadonlyMap<string, AcceptedEvent | 'stored'>;
  readonly states: ReadonlyMap<string, StateRow>;
  readonly views: ReadonlyMap<string, ViewRow>;
  /** Who holds a unique key. */
  readonly holders: ReadonlyMap<string, string>;
}

type Changes<Row> = ReturnType<UndoTable<Row>['changes']>;

/** The difference that a batch makes. Each row stands in it once, whatever happened to it in between. */
export interface Difference {
  readonly streams: Changes<StreamRow>;
  readonly records: readonly { readonly stream: string; readonly sealed: SealedRecord }[];
  readonly objects: ReadonlyMap<string, string>;
  readonly events: readonly AcceptedEvent[];
  readonly states: Changes<StateRow>;
  readonly forgotten: readonly ForgottenStates[];
  readonly views: Changes<ViewRow>;
  readonly timers: readonly TimerWrite[];
  readonly effects: readonly EffectWrite[];
}

export interface FoldedBatch {
  readonly results: readonly ChangeResult[];
  readonly difference: Difference;
}

/** Thrown inside to find out which member is stale; never leaves this file. */
class Staleness {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

/**
 * Applies the members of a batch one after the other to what is there, in memory: who is stale, what is sealed, and
 * what is to be written. Pure; the locks under which `present` was read make it true.
 *
 * @throws what sealing throws for a record that may not be written, and UnstorableNameError.
 */
export function foldBatch(changes: readonly Change[], present: Present): FoldedBatch {
  const undo = undoLog();
  const tables: Tables = {
    streams: undo.table(present.streams),
    records: undo.table<SealedRecord>(new Map()),
    objects: undo.table<string>(new Map()),
    events: undo.table(present.events),
    states: undo.table(present.states),
    views: undo.table(present.views),
    holders: undo.table(present.holders),
    timers: undo.table<TimerWrite>(new Map()),
    effects: undo.table<EffectWrite>(new Map()),
    forgotten: undo.table<ForgottenStates>(new Map()),
  };
  const results = changes.map((change): ChangeResult => {
    undo.begin();
    try {
      const hashes = change.appends.flatMap((append) => applyAppend(tables, append));
      applyRows(tables, change);
      return { status: 'applied', hashes };
    } catch (thrown) {
      if (!(thrown instanceof Staleness)) throw thrown;
      undo.rollBack();
      return { status: 'stale', what: thrown.what };
    }
  });
  return { results, difference: differenceOf(tables) };
}

interface Tables {
  readonly streams: UndoTable<StreamRow>;
  readonly records: UndoTable<SealedRecord>;
  readonly objects: UndoTable<string>;
  readonly events: UndoTable<AcceptedEvent | 'stored'>;
  readonly states: UndoTable<StateRow>;
  readonly views: UndoTable<ViewRow>;
  readonly holders: UndoTable<string>;
  readonly timers: UndoTable<TimerWrite>;
  readonly effects: UndoTable<EffectWrite>;
  readonly forgotten: UndoTable<ForgottenStates>;
}

function differenceOf(tables: Tables): Difference {
  const afters = <Row>(table: UndoTable<Row>): Row[] => [...table.rows()].map(([, row]) => row);
  return {
    streams: tables.streams.changes(),
    records: afters(tables.records).map((sealed) => ({ stream: sealed.record.stream, sealed })),
    objects: new Map(tables.objects.rows()),
    events: afters(tables.events).filter((event) => event !== 'stored'),
    states: tables.states.changes(),
    forgotten: afters(tables.forgotten),
    views: tables.views.changes(),
    timers: afters(tables.timers),
    effects: afters(tables.effects),
  };
}

function applyAppend({ streams, records }: Tables, { stream, expectedSeq, records: drafts }: Append): string[] {
  requireStorable('the name of a stream', stream);
  const head = streams.get(stream);
  if ((head?.seq ?? 0) !== expectedSeq) throw new Staleness(`stream ${stream}`);
  let seq = expectedSeq;
  let hash = head?.hash ?? FIRST_PREV;
  let at = head?.at ?? 0;
  const hashes = drafts.map((draft) => {
    seq += 1;
    at = Math.max(at, draft.at);
    // A type that nobody classed must never be written: what of it is personal could not be told later.
    recordType(draft.type, draft.v);
    const record = sealRecord({ ...draft, at, prev: hash, seq, stream });
    hash = record.hash;
    records.set(pairKey(stream, String(seq)), record);
    return hash;
  });
  if (seq > 0) streams.set(stream, { name: stream, no: head?.no ?? null, seq, hash, at });
  return hashes;
}

function applyRows(tables: Tables, change: Change): void {
  for (const { hash, body } of change.objects ?? []) {
    requireStorable('the name of an object', hash);
    if (tables.objects.get(hash) === null) tables.objects.set(hash, canonicalJson(body));
  }
  for (const accepted of change.events ?? []) applyEvent(tables, accepted);
  for (const forgotten of change.forgottenStates ?? []) applyForgetting(tables, forgotten);
  for (const state of change.detectorStates ?? []) applyState(tables, state);
  for (const view of change.views ?? []) applyView(tables, view);
  for (const timer of change.timers ?? []) {
    requireStorable('the name of a timer', timer.execution, timer.name);
    tables.timers.set(pairKey(timer.execution, timer.name), timer);
  }
  for (const effect of change.effects ?? []) {
    requireStorable('the name of an effect', effect.execution, effect.name);
    tables.effects.set(pairKey(effect.execution, effect.name), effect);
  }
}

function applyEvent({ events }: Tables, accepted: AcceptedEvent): void {
  const { source, id } = accepted.event;
  requireStorable('the identity of an event', source, id);
  const key = pairKey(source, id);
  if (events.get(key) !== null) throw new Staleness(`event ${id}`);
  events.set(key, accepted);
}

function applyForgetting({ states, forgotten }: Tables, forgetting: ForgottenStates): void {
  const { chosen, before } = forgetting;
  for (const [key, state] of states.rows()) {
    if (state.chosen === chosen && state.touched < before) states.set(key, null);
  }
  forgotten.set(pairKey(String(chosen), String(before)), forgetting);
}

function applyState({ states }: Tables, write: DetectorStateWrite): void {
  const { rule, key, expectedVersion, chosen, touchedAt, body } = write;
  requireStorable('the key of a detector state', rule, key);
  const name = pairKey(rule, key);
  const version = states.get(name)?.version ?? 0;
  if (version !== expectedVersion) throw new Staleness(`state ${rule} ${key}`);
  states.set(name, { rule, key, version: version + 1, chosen, touched: touchedAt, body: JSON.stringify(body) });
}

function applyView({ views, holders }: Tables, view: View): void {
  const { kind, id, expectedVersion, body, uniqueKey = null } = view;
  const { status, type, severity, subject, parent, ref } = view;
  requireStorable(`a view of a ${kind}`, id, uniqueKey, status, type, severity, subject, parent, ref);
  const key = pairKey(kind, id);
  const before = views.get(key);
  if (body !== null && uniqueKey !== null) {
    const holder = holders.get(pairKey(kind, uniqueKey));
    if (holder !== null && holder !== id) throw new Staleness(`${kind} key ${uniqueKey}`);
  }
  if (expectedVersion !== null && (before?.version ?? 0) !== expectedVersion) throw new Staleness(`${kind} ${id}`);
  if (before !== null && before.uniqueKey !== null) holders.set(pairKey(kind, before.uniqueKey), null);
  if (body !== null && uniqueKey !== null) holders.set(pairKey(kind, uniqueKey), id);
  const after = { kind, id, version: (before?.version ?? 0) + 1, uniqueKey, view };
  views.set(key, body === null ? null : after);
}
