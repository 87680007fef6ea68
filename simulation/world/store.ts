import { canonicalJson, type Json } from '../../src/platform/canonical-json.ts';
import { FIRST_PREV, sealRecord, type JournalRecord, type SealedRecord } from '../../src/pipeline/audit/record.ts';
import { recordType } from '../../src/pipeline/audit/record-types.ts';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import {
  detectorStateKey,
  eventKey,
  type Change,
  type ChangeResult,
  type Timer,
  type View,
} from '../../src/journal/journal.ts';
import type { QueuedEffect } from '../../src/journal/membership.ts';

/** A view as it lies in the store: its body as text, so that nobody shares an object with it. */
export interface ViewRow extends Omit<View, 'body' | 'expectedVersion'> {
  readonly version: number;
  readonly body: string;
}

export interface EffectRow extends QueuedEffect {
  /** The process that is to perform it, or null. */
  readonly holder: string | null;
}

export interface StateRow {
  readonly version: number;
  readonly chosen: boolean;
  readonly touched: number;
  readonly body: string;
}

/** What survives every process: the simulated disk. Changed only by `apply`, whole or not at all. */
export interface Store {
  readonly id: string;
  readonly createdAt: number;
  readonly accelerated: boolean;
  readonly streams: ReadonlyMap<string, readonly SealedRecord[]>;
  /** Every record in the order of its commit. */
  readonly log: readonly SealedRecord[];
  readonly objects: ReadonlyMap<string, string>;
  readonly views: ReadonlyMap<string, ReadonlyMap<string, ViewRow>>;
  readonly timers: ReadonlyMap<string, Timer>;
  readonly effects: Map<string, EffectRow>;
  readonly events: ReadonlyMap<string, AcceptedEvent>;
  readonly states: ReadonlyMap<string, StateRow>;
  /** Applies each member or says that it is stale. Throws, and changes nothing, when one cannot be written. */
  apply(changes: readonly Change[], holder: string | null): readonly ChangeResult[];
  /** Called with each record that a commit added, in their order, once the commit stands. */
  watch: ((sealed: SealedRecord) => void) | null;
}

class Stale extends Error {}

export function memoryStore(birth: { id: string; at: number; accelerated: boolean }): Store {
  const streams = new Map<string, SealedRecord[]>();
  const log: SealedRecord[] = [];
  const objects = new Map<string, string>();
  const views = new Map<string, Map<string, ViewRow>>();
  const timers = new Map<string, Timer>();
  const effects = new Map<string, EffectRow>();
  const events = new Map<string, AcceptedEvent>();
  const states = new Map<string, StateRow>();
  let undo: (() => void)[] = [];

  function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
    const before = map.get(key);
    undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === null) map.delete(key);
    else map.set(key, value);
  }

  function append({ stream, expectedSeq, records }: Change['appends'][number]): SealedRecord[] {
    const known = streams.get(stream) ?? [];
    if (known.length !== expectedSeq) throw new Stale(`stream ${stream}`);
    let last = known.at(-1);
    const sealed = records.map((draft) => {
      recordType(draft.type, draft.v);
      const at = Math.max(last?.record.at ?? 0, draft.at);
      const seq = (last?.record.seq ?? 0) + 1;
      last = sealRecord({ ...draft, at, prev: last?.hash ?? FIRST_PREV, seq, stream });
      return last;
    });
    put(streams, stream, [...known, ...sealed]);
    const { length } = log;
    undo.push(() => (log.length = length));
    log.push(...sealed);
    return sealed;
  }

  function writeView(view: View): void {
    const rows = views.get(view.kind) ?? new Map<string, ViewRow>();
    if (!views.has(view.kind)) views.set(view.kind, rows);
    const { expectedVersion, body, ...rest } = view;
    const present = rows.get(view.id);
    if (expectedVersion !== null && (present?.version ?? 0) !== expectedVersion) throw new Stale(`view ${view.id}`);
    if (body === null) return put(rows, view.id, null);
    const key = view.uniqueKey ?? null;
    if (key !== null) {
      for (const row of rows.values())
        if (row.uniqueKey === key && row.id !== view.id) throw new Stale(`view key ${key}`);
    }
    put(rows, view.id, { ...rest, version: (present?.version ?? 0) + 1, body: JSON.stringify(body) });
  }

  function applyRows(change: Change, holder: string | null): void {
    for (const { hash, body } of change.objects ?? []) if (!objects.has(hash)) put(objects, hash, canonicalJson(body));
    for (const accepted of change.events ?? []) {
      const key = eventKey(accepted.event.source, accepted.event.id);
      if (events.has(key)) throw new Stale(`event ${accepted.event.id}`);
      put(events, key, accepted);
    }
    for (const { chosen, before } of change.forgottenStates ?? []) {
      for (const [key, row] of states) if (row.chosen === chosen && row.touched < before) put(states, key, null);
    }
    for (const { rule, key, expectedVersion, chosen, touchedAt, body } of change.detectorStates ?? []) {
      const name = detectorStateKey(rule, key);
      const version = states.get(name)?.version ?? 0;
      if (version !== expectedVersion) throw new Stale(`state ${rule} ${key}`);
      put(states, name, { version: version + 1, chosen, touched: touchedAt, body: JSON.stringify(body) });
    }
    for (const view of change.views ?? []) writeView(view);
    for (const { execution, name, generation, due } of change.timers ?? [])
      put(timers, `${execution}\n${name}`, due === null ? null : { execution, name, generation, due });
    for (const { execution, name, body } of change.effects ?? [])
      put(effects, `${execution}\n${name}`, body === null ? null : { execution, name, body: copied(body), holder });
  }

  function rollBack(to: (() => void)[]): void {
    for (const step of undo.reverse()) step();
    undo = to;
  }

  function applyOne(change: Change, holder: string | null): ChangeResult {
    const outer = undo;
    undo = [];
    try {
      const hashes = change.appends.flatMap(append).map(({ hash }) => hash);
      applyRows(change, holder);
      undo = [...outer, ...undo];
      return { status: 'applied', hashes };
    } catch (thrown) {
      rollBack(outer);
      if (thrown instanceof Stale) return { status: 'stale', what: thrown.message };
      throw thrown;
    }
  }

  const store: Store = {
    id: birth.id,
    createdAt: birth.at,
    accelerated: birth.accelerated,
    streams,
    log,
    objects,
    views,
    timers,
    effects,
    events,
    states,
    watch: null,
    apply(changes, holder) {
      const { length } = log;
      undo = [];
      try {
        const results = changes.map((change) => applyOne(change, holder));
        undo = [];
        if (store.watch !== null) for (const sealed of log.slice(length)) store.watch(sealed);
        return results;
      } catch (thrown) {
        rollBack([]);
        throw thrown;
      }
    },
  };
  const data = { journalId: birth.id, accelerated: birth.accelerated, generation: 1 };
  const records = [{ type: 'journal.created', v: 1, at: birth.at, data }];
  store.apply([{ appends: [{ stream: 'config', expectedSeq: 0, records }] }], null);
  return store;
}

function copied(body: Json): Json {
  return JSON.parse(JSON.stringify(body)) as Json; // JSON in, JSON out
}

const parsed = new WeakMap<SealedRecord, SealedRecord>();

/**
 * A record as a reader gets it: parsed from its bytes, never the object that was written. Parsed once, for all of its
 * readers: nobody may change what was recorded, and the hash of a replay shows who does.
 */
export function readBack(sealed: SealedRecord): SealedRecord {
  const known = parsed.get(sealed);
  if (known !== undefined) return known;
  const { bytes, hash } = sealed;
  const read = { record: JSON.parse(bytes) as JournalRecord, bytes, hash }; // written by `sealRecord`
  parsed.set(sealed, read);
  return read;
}
