import type { Append, Journal, RecordDraft } from '../journal/journal.ts';
import { ARCHIVED_IN, ARCHIVED_TYPE, archivedStreamsIn, type ArchivedStream } from '../pipeline/audit/archived.ts';
import type { OpenedArchive } from '../pipeline/audit/export-files.ts';
import { invariant, FirebreakError } from '../platform/errors.ts';
import { rowsOf } from './plan.ts';
import { archivedEvents } from './write.ts';

/** Streams that one record names, and that one commit takes out: some thousand rows. */
const STREAMS_PER_COMMIT = 200;
const EVENTS_PER_COMMIT = 1_000;

/** Tries to append where servers append too. */
const MAX_STALE_RETRIES = 50;

export interface RemovalPorts {
  /** Business time. */
  readonly now: () => number;
  /** Who asked for it, as it stands in the records. */
  readonly by: string;
  /** Resolves when everything that is committed is under a signed checkpoint. */
  readonly sealed: () => Promise<void>;
}

export interface Removal {
  readonly streams: number;
  readonly events: number;
  /** Streams of the archive that are still in the journal, because something happened to them meanwhile. */
  readonly kept: number;
}

/**
 * Takes out of the journal what an archive holds. First records say so, and are signed; only then does anything go, a
 * bounded piece at a time. Wherever this stops, what is gone is in the archive and named by a signed record; running it
 * again with the same archive ends it.
 */
export async function removeArchived(
  directory: string,
  archive: OpenedArchive,
  journal: Journal,
  ports: RemovalPorts,
): Promise<Removal> {
  const present = await stillThere(journal, archive.streams);
  await name(journal, archive, present, ports);
  await ports.sealed();
  const gone = new Set<string>();
  for (const piece of pieces(present, STREAMS_PER_COMMIT)) {
    const at = ports.now();
    const streams = await Promise.all(
      piece.map(async ({ stream, records, hash }) => {
        const execution = stream.startsWith('execution/') ? stream.slice('execution/'.length) : null;
        const marker = { at, body: { archive: archive.hash, records, hash } };
        const views = await rowsOf(journal, { stream, execution });
        return { stream, seq: records, hash, execution, views, marker };
      }),
    );
    for (const stream of await journal.retention.removeStreams(streams)) gone.add(stream);
  }
  return { streams: gone.size, events: await removeEvents(directory, journal), kept: present.length - gone.size };
}

async function stillThere(
  journal: Pick<Journal, 'streamHead'>,
  streams: readonly ArchivedStream[],
): Promise<readonly ArchivedStream[]> {
  const present: ArchivedStream[] = [];
  for (const each of streams) {
    const head = await journal.streamHead(each.stream);
    if (head?.seq === each.records && head.hash === each.hash) present.push(each);
  }
  return present;
}

/** Appends the records that name what goes; what an earlier run with this archive named is not named again. */
async function name(
  journal: Journal,
  archive: OpenedArchive,
  present: readonly ArchivedStream[],
  { now, by }: RemovalPorts,
): Promise<void> {
  const before = await journal.readStream(ARCHIVED_IN);
  const own = before.filter(({ record }) => record.type === ARCHIVED_TYPE && record.data['archive'] === archive.hash);
  const named = new Set(own.flatMap(({ bytes }) => archivedStreamsIn(bytes).map(({ stream }) => stream)));
  const unnamed = present.filter(({ stream }) => !named.has(stream));
  const { events } = archive.contents;
  const eventsNamed = events === null || own.some(({ record }) => record.data['events'] !== null);
  const draft = (streams: readonly ArchivedStream[], of: typeof events): RecordDraft => ({
    type: ARCHIVED_TYPE,
    v: 1,
    at: now(),
    data: {
      archive: archive.hash,
      before: archive.contents.before,
      by,
      events: of === null ? null : { ...of },
      streams: streams.map((each) => ({ ...each })),
    },
  });
  for (const piece of pieces(unnamed, STREAMS_PER_COMMIT)) await append(journal, draft(piece, null));
  if (!eventsNamed) await append(journal, draft([], events));
}

async function append(journal: Journal, record: RecordDraft): Promise<void> {
  for (let tries = 0; tries < MAX_STALE_RETRIES; tries += 1) {
    const head = await journal.streamHead(ARCHIVED_IN);
    const appends: Append[] = [{ stream: ARCHIVED_IN, expectedSeq: head?.seq ?? 0, records: [record] }];
    const [result] = await journal.commit([{ appends }]);
    invariant(result !== undefined, 'each change has its result');
    if (result.status === 'applied') return;
  }
  throw new FirebreakError('overloaded', 'Too many write the journal at the same moment');
}

async function removeEvents(directory: string, journal: Pick<Journal, 'retention'>): Promise<number> {
  let count = 0;
  let keys: { source: string; id: string }[] = [];
  for await (const key of archivedEvents(directory)) {
    keys.push(key);
    if (keys.length < EVENTS_PER_COMMIT) continue;
    count += await journal.retention.removeEvents(keys);
    keys = [];
  }
  return count + (keys.length === 0 ? 0 : await journal.retention.removeEvents(keys));
}

function pieces<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
