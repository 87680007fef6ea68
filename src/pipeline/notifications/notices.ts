import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { EffectWrite, JournalReader, RecordDraft } from '../../journal/journal.ts';
import { DELIVERY } from '../executions/change.ts';
import { untilApplied } from '../service.ts';
import type { Notice } from './contract.ts';
import {
  deliveryView,
  deliveryViews,
  foldNext,
  foldNotice,
  isOwed,
  noticeStream,
  type NoticeState,
} from './notice-state.ts';
import type { Way } from './routing.ts';

/** A notice that is about to be raised. */
export interface NewNotice {
  /** Derived from its cause: raised twice is raised once. */
  readonly id: string;
  readonly notice: Notice;
  readonly ways: readonly Way[];
  /** People who should have been told and were not, because they are too many. */
  readonly leftOut: number;
  readonly at: number;
  readonly trace: RecordDraft['trace'];
  /** The queue entry that asked for it: it goes with the same commit. */
  readonly cause: { readonly execution: string; readonly name: string } | null;
}

/** What is recorded about some deliveries of a notice. */
export interface NoticeChange {
  readonly type: 'notice.tried' | 'notice.resent' | 'notice.read';
  readonly deliveries: readonly number[];
  readonly data: { readonly [key: string]: Json };
  readonly at: number;
}

/** Notices in the journal: each is a stream of its own. */
export interface Notices {
  /** @throws FirebreakError `not_found`. */
  load(noticeId: string): Promise<NoticeState>;
  /** The notice as it stands on disk, also where somebody else raised it before. */
  raise(notice: NewNotice): Promise<NoticeState>;
  /** Takes a queue entry out that has nothing to tell any more. */
  forget(entry: { readonly execution: string; readonly name: string }): Promise<void>;
  /** Records a change of the deliveries that `wanted` leaves of those named; null when none is left. */
  change(
    noticeId: string,
    change: NoticeChange,
    wanted: (delivery: NoticeState['deliveries'][number]) => boolean,
  ): Promise<NoticeState | null>;
}

export interface NoticePorts {
  readonly journal: Pick<JournalReader, 'readStream'>;
  readonly committer: GroupCommitter;
}

export function createNotices({ journal, committer }: NoticePorts): Notices {
  async function load(noticeId: string): Promise<NoticeState> {
    const records = await journal.readStream(noticeStream(noticeId));
    if (records.length === 0) throw new FirebreakError('not_found', `There is no notice ${noticeId}`);
    return foldNotice(
      noticeId,
      records.map(({ record }) => record),
    );
  }

  return {
    load,
    async raise({ id, notice, ways, leftOut, at, trace, cause }) {
      const data = { cause, leftOut, notice, ways } as unknown as RecordDraft['data']; // plain JSON by their types
      const record = { type: 'notice.raised', v: 1, at, ...(trace === undefined ? {} : { trace }), data };
      const stream = noticeStream(id);
      const raised = foldNotice(id, [{ ...record, seq: 1 }]);
      const told: readonly EffectWrite[] = cause === null ? [] : [{ ...cause, body: null }];
      const owed: readonly EffectWrite[] = isOwed(raised) ? [{ execution: id, name: DELIVERY, body: {} }] : [];
      const result = await committer.submit({
        appends: [{ stream, expectedSeq: 0, records: [record] }],
        views: deliveryViews(raised),
        effects: [...told, ...owed],
      });
      if (result.status === 'applied') return raised;
      // It was raised before, by whoever held the entry then; what is left of that is the entry.
      if (told.length > 0) await committer.submit({ appends: [], effects: told });
      return load(id);
    },
    async forget(entry) {
      await committer.submit({ appends: [], effects: [{ ...entry, body: null }] });
    },
    change: (noticeId, { type, deliveries: named, data, at: now }, wanted) =>
      untilApplied(async () => {
        const before = await load(noticeId);
        const deliveries = named.filter((index) => {
          const delivery = before.deliveries[index];
          return delivery !== undefined && wanted(delivery);
        });
        if (deliveries.length === 0) return { result: { status: 'applied', hashes: [] }, answer: null };
        // As the journal writes it: time never goes back within a stream.
        const at = Math.max(now, before.changedAt);
        const record = { type, v: 1, at, data: { ...data, deliveries } };
        const after = foldNext(before, { ...record, seq: before.seq + 1 });
        const result = await committer.submit({
          appends: [{ stream: noticeStream(noticeId), expectedSeq: before.seq, records: [record] }],
          views: deliveries.map((index) => deliveryView(after, index)),
          effects: isOwed(before) === isOwed(after) ? [] : [deliveryEntry(noticeId, isOwed(after))],
        });
        return { result, answer: after };
      }),
  };
}

function deliveryEntry(execution: string, owed: boolean): EffectWrite {
  return { execution, name: DELIVERY, body: owed ? {} : null };
}
