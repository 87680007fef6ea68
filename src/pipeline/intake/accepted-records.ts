import { contentHash } from '../../platform/hash.ts';
import type { Change, JournalReader, RecordDraft } from '../../journal/journal.ts';
import type { DetectionResult } from '../detections/run.ts';
import type { AcceptedEvent } from '../events/event.ts';

/** One record for each source: which events, by a root over their ids and hashes, and what detectors could not do. */
export async function acceptedRecords(
  journal: Pick<JournalReader, 'streamHead'>,
  fresh: readonly AcceptedEvent[],
  { errors, dropped, late }: DetectionResult,
  trace: RecordDraft['trace'],
  at: number,
): Promise<Change> {
  const sources = [...new Set(fresh.map(({ event }) => event.source))].sort();
  const appends = await Promise.all(
    sources.map(async (source, index) => {
      const own = fresh.filter(({ event }) => event.source === source).map(({ event }) => [event.id, event.rawHash]);
      const root = contentHash(own.sort((left, right) => ((left[0] ?? '') < (right[0] ?? '') ? -1 : 1)));
      const stream = `ingest/${source}`;
      const tracing = trace === undefined ? {} : { trace };
      const records: RecordDraft[] = [
        { type: 'events.accepted', v: 1, at, ...tracing, data: { count: own.length, root, dropped, late } },
      ];
      if (index === 0) {
        for (const { ruleId, key, events, message } of errors) {
          const data = {
            ruleId,
            key,
            message,
            events: events.map(({ source: from, eventId }) => ({ source: from, eventId })),
          };
          records.push({ type: 'detector.error', v: 1, at, ...tracing, data });
        }
      }
      return { stream, expectedSeq: (await journal.streamHead(stream))?.seq ?? 0, records };
    }),
  );
  return { appends, events: fresh };
}
