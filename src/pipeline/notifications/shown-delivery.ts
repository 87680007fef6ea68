import { z } from 'zod';
import type { StoredView } from '../../journal/journal.ts';
import { shownTime, type Resource } from '../service.ts';
import { CHANNELS } from '../vocabulary.ts';

/** What the row of a delivery holds beside what is shown as it is. */
export const DELIVERY_ROW = z.looseObject({
  noticeId: z.string(),
  index: z.int(),
  channel: z.enum(CHANNELS),
  userId: z.string().nullable(),
  changedAt: z.int(),
});

/** One way of a notice as the API shows it. */
export function shownDelivery({ id, at, body }: Pick<StoredView, 'id' | 'at' | 'body'>): Resource {
  const { changedAt, ...row } = DELIVERY_ROW.parse(body);
  return { ...(row as Resource), id, raisedAt: shownTime(at), changedAt: shownTime(changedAt) };
}
