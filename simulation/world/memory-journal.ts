import type { Json } from '../../src/platform/canonical-json.ts';
import {
  detectorStateKey,
  eventKey,
  type Journal,
  type JournalReader,
  type LogStore,
  type StoredView,
} from '../../src/journal/journal.ts';
import { longReadsHere } from '../../src/journal/long-reads-here.ts';
import type { Membership } from '../../src/journal/membership.ts';
import { readBack, type Store, type ViewRow } from './store.ts';

/** How a process reaches the store. `work` runs when the request arrives there. */
export type Ask = <Answer>(what: string, work: () => Answer) => Promise<Answer>;

export interface JournalLink {
  readonly shared: boolean;
  readonly members: Membership;
  readonly ask: Ask;
  /** Under which name effects are queued by what this process commits; null when it performs nothing. */
  holder(): string | null;
}

/** The journal's port over the simulated store: the third adapter, with the same promises as the others. */
export function memoryJournal(store: Store, link: JournalLink): Journal {
  const { ask } = link;
  const reads = reader(store, ask);
  const log = memoryLog(store);
  return {
    id: store.id,
    createdAt: store.createdAt,
    accelerated: store.accelerated,
    shared: link.shared,
    members: link.members,
    commit(changes) {
      const holder = link.holder();
      return ask(`commit ${changes.length}`, () => store.apply(changes, holder));
    },
    retention: KEEPS_EVERYTHING,
    close: async () => undefined,
    ...reads,
    log,
    longReads: longReadsHere(reads, log),
  };
}

/** Nothing is ever old enough in a simulated world. */
const KEEPS_EVERYTHING: Journal['retention'] = {
  removeStreams: async () => [],
  oldEvents: async () => [],
  removeEvents: async () => 0,
};

type Reader = Omit<JournalReader, 'id' | 'createdAt' | 'accelerated' | 'shared' | 'longReads' | 'log'>;

function reader(store: Store, ask: Ask): Reader {
  const rowsOf = (kind: string): readonly ViewRow[] => [...(store.views.get(kind)?.values() ?? [])];
  return {
    streamHead: (stream) =>
      ask('head', () => {
        const last = store.streams.get(stream)?.at(-1);
        return last === undefined ? null : { seq: last.record.seq, hash: last.hash };
      }),
    readStream: (stream, afterSeq = 0) =>
      ask('stream', () => (store.streams.get(stream) ?? []).slice(afterSeq).map(readBack)),
    streams: (prefix = '') =>
      ask('streams', () => [...store.streams.keys()].filter((name) => name.startsWith(prefix)).sort()),
    object: (hash) => ask('object', () => parsed(store.objects.get(hash))),
    view: (kind, id) => ask('view', () => storedView(store.views.get(kind)?.get(id))),
    viewByUniqueKey: (kind, key) =>
      ask('view', () => storedView(rowsOf(kind).find(({ uniqueKey }) => uniqueKey === key))),
    listViews: ({ kind, limit, skip, ...filters }) =>
      ask('views', () => {
        const wanted = Object.entries(filters).filter(([, value]) => value !== undefined);
        const found = rowsOf(kind).filter((row) => {
          const members = new Map<string, unknown>(Object.entries(row));
          return wanted.every(([name, value]) => members.get(name) === value);
        });
        found.sort((left, right) => right.at - left.at || (left.id < right.id ? 1 : -1));
        const items = found.slice(skip, skip + limit).flatMap((row) => storedView(row) ?? []);
        return { items, total: found.length };
      }),
    dueTimers: (at, limit) =>
      ask('due', () =>
        [...store.timers.values()]
          .filter(({ due }) => due <= at)
          .sort(
            (left, right) =>
              left.due - right.due || compare(left.execution, right.execution) || compare(left.name, right.name),
          )
          .slice(0, limit),
      ),
    nextTimerDue: () => ask('next due', () => nextDue(store)),
    queuedEffects: (limit = Number.MAX_SAFE_INTEGER) =>
      ask('effects', () =>
        [...store.effects.values()]
          .sort((left, right) => compare(left.execution, right.execution) || compare(left.name, right.name))
          .slice(0, limit)
          .map(({ execution, name, body }) => ({ execution, name, body })),
      ),
    newestRecordAt: () => ask('newest', () => store.log.at(-1)?.record.at ?? null),
    ...eventReader(store, ask),
  };
}

type EventReader = Pick<
  Reader,
  'knownEvents' | 'event' | 'listEvents' | 'eventCount' | 'detectorStates' | 'chosenStateCount'
>;

function eventReader(store: Store, ask: Ask): EventReader {
  return {
    knownEvents: (ids) =>
      ask('known', () => {
        const found = ids.flatMap(({ source, id }) => {
          const known = store.events.get(eventKey(source, id));
          return known === undefined ? [] : [[eventKey(source, id), known.event.rawHash] as const];
        });
        return new Map(found);
      }),
    event: (source, id) => ask('event', () => store.events.get(eventKey(source, id)) ?? null),
    listEvents: ({ from, to, limit }) =>
      ask('events', () =>
        [...store.events.values()]
          .filter(({ event }) => event.time >= from && event.time <= to)
          .sort(
            ({ event: left }, { event: right }) =>
              left.time - right.time || compare(left.source, right.source) || compare(left.id, right.id),
          )
          .slice(0, limit),
      ),
    eventCount: () => ask('event count', () => store.events.size),
    detectorStates: (keys) =>
      ask('states', () => {
        const found = keys.flatMap(({ rule, key }) => {
          const row = store.states.get(detectorStateKey(rule, key));
          if (row === undefined) return [];
          return [[detectorStateKey(rule, key), { version: row.version, body: JSON.parse(row.body) as Json }] as const];
        });
        return new Map(found);
      }),
    chosenStateCount: () => ask('chosen', () => [...store.states.values()].filter(({ chosen }) => chosen).length),
  };
}

/** The log's own tables. No process of the simulation signs; they are here so that the port is whole. */
function memoryLog(store: Store): LogStore {
  const own = logTables(store);
  return {
    unsequenced: async (limit) =>
      store.log
        .filter(({ record }) => !own.placed.has(`${record.stream}\n${record.seq}`))
        .slice(0, limit)
        .map(({ record, bytes }) => ({ stream: record.stream, seq: record.seq, bytes })),
    recordRows: async (stream) =>
      (store.streams.get(stream) ?? []).map(({ record, bytes, hash }) => ({ seq: record.seq, bytes, hash })),
    size: async () => own.leaves.length,
    leafHashes: async (from, to) => own.leaves.slice(from, to).map(({ leafHash }) => leafHash),
    async place(expectedSize, leaves) {
      if (own.leaves.length !== expectedSize) return false;
      for (const { stream, seq } of leaves)
        if (store.streams.get(stream)?.[seq - 1] === undefined) throw new Error(`no record ${stream} ${seq} to place`);
      for (const leaf of leaves) {
        own.leaves.push(leaf);
        own.placed.add(`${leaf.stream}\n${leaf.seq}`);
      }
      return true;
    },
    leaves: async (from, limit) =>
      own.leaves.slice(from, from + limit).map(({ position, stream, seq }) => ({ position, stream, seq })),
    async addCheckpoint(checkpoint) {
      if (own.checkpoints.some(({ size }) => size === checkpoint.size)) return false;
      own.checkpoints.push(checkpoint);
      own.checkpoints.sort((left, right) => left.size - right.size);
      return true;
    },
    checkpoints: async () => own.checkpoints,
  };
}

interface LogTables {
  readonly leaves: { position: number; stream: string; seq: number; leafHash: string }[];
  readonly placed: Set<string>;
  readonly checkpoints: { size: number; at: number; note: string }[];
}

const tables = new WeakMap<Store, LogTables>();

function logTables(store: Store): LogTables {
  const known = tables.get(store) ?? { leaves: [], placed: new Set<string>(), checkpoints: [] };
  tables.set(store, known);
  return known;
}

/** Business time of the earliest timer, or null. */
export function nextDue(store: Store): number | null {
  let least: number | null = null;
  for (const { due } of store.timers.values()) if (least === null || due < least) least = due;
  return least;
}

function storedView(row: ViewRow | undefined): StoredView | null {
  if (row === undefined) return null;
  return { id: row.id, version: row.version, at: row.at, body: JSON.parse(row.body) as Json };
}

function parsed(text: string | undefined): Json | null {
  return text === undefined ? null : (JSON.parse(text) as Json);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
