import { z } from 'zod';
import type { JournalReader, LogStore } from '../../journal/journal.ts';
import type { Resource } from '../service.ts';
import { deliveryView, foldNotice, noticeStream } from './notice-state.ts';
import { shownDelivery } from './shown-delivery.ts';

/** One place of the log that is news for somebody: they were told something, or have read it elsewhere. */
export interface NewsOf {
  readonly place: number;
  readonly userId: string;
  readonly type: 'notice' | 'read';
  /** As the list shows it now. */
  readonly data: Resource;
}

type Leaf = Awaited<ReturnType<LogStore['leaves']>>[number];

const NOTICES = noticeStream('');
const READ = z.looseObject({ deliveries: z.array(z.int()) });

/** The news that some places of the log hold, in their order. What has gone to an archive is none any more. */
export async function newsIn(
  journal: Pick<JournalReader, 'readStream'>,
  leaves: readonly Leaf[],
): Promise<readonly NewsOf[]> {
  const ofNotices = leaves.filter(({ stream }) => stream.startsWith(NOTICES));
  const ids = [...new Set(ofNotices.map(({ stream }) => stream.slice(NOTICES.length)))];
  const found = new Map(await Promise.all(ids.map(async (id) => [id, await newsOfNotice(journal, id)] as const)));
  return ofNotices.flatMap(({ position, stream, seq }) => {
    const news = found.get(stream.slice(NOTICES.length))?.(seq) ?? [];
    return news.map((each) => ({ place: position, ...each }));
  });
}

/** What each record of a notice is for whom. */
async function newsOfNotice(journal: Pick<JournalReader, 'readStream'>, id: string) {
  const records = (await journal.readStream(noticeStream(id))).map(({ record }) => record);
  if (records.length === 0) return () => [];
  const state = foldNotice(id, records);
  return (seq: number): readonly Omit<NewsOf, 'place'>[] => {
    const record = records.find((each) => each.seq === seq);
    if (record === undefined || (record.type !== 'notice.raised' && record.type !== 'notice.read')) return [];
    const type = record.type === 'notice.read' ? 'read' : 'notice';
    const touched = type === 'read' ? READ.parse(record.data).deliveries : state.deliveries.map((_, index) => index);
    return touched.flatMap((index) => {
      const { channel, userId } = state.deliveries[index] ?? { channel: null, userId: null };
      if (channel !== 'IN_APP' || userId === null) return [];
      const { body, at, id: rowId } = deliveryView(state, index);
      return [{ userId, type, data: shownDelivery({ id: rowId, at, body }) } as const];
    });
  };
}
