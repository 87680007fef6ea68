import type { Change, ChangeResult, StoredView, View, ViewKind, ViewQuery } from '../../journal/journal.ts';
import { FIRST_PREV, sealRecord, type SealedRecord } from '../audit/record.ts';
import type { AccessJournal } from './access.store.ts';

/**
 * FAKE, for tests only: streams and views in memory, with the port's rules about expected versions and unique
 * keys. It keeps nothing on disk and knows no events, timers or effects.
 */
export class FakeJournal implements AccessJournal {
  readonly streams = new Map<string, SealedRecord[]>();
  readonly views = new Map<string, { view: View; version: number }>();
  /** Runs before each commit: a test changes something in between here. */
  beforeCommit: () => Promise<void> = () => Promise.resolve();

  async commit(changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    await this.beforeCommit();
    return changes.map((change) => this.#apply(change));
  }

  streamHead(stream: string): Promise<{ seq: number; hash: string } | null> {
    const last = this.streams.get(stream)?.at(-1);
    return Promise.resolve(last === undefined ? null : { seq: last.record.seq, hash: last.hash });
  }

  view(kind: ViewKind, id: string): Promise<StoredView | null> {
    const found = this.views.get(`${kind}\n${id}`);
    return Promise.resolve(found === undefined ? null : stored(found));
  }

  viewByUniqueKey(kind: ViewKind, uniqueKey: string): Promise<StoredView | null> {
    const found = [...this.views.values()].find(({ view }) => view.kind === kind && view.uniqueKey === uniqueKey);
    return Promise.resolve(found === undefined ? null : stored(found));
  }

  listViews(query: ViewQuery): Promise<{ readonly items: readonly StoredView[]; readonly total: number }> {
    const wanted = (view: View): boolean =>
      view.kind === query.kind &&
      (query.status === undefined || view.status === query.status) &&
      (query.type === undefined || view.type === query.type) &&
      (query.subject === undefined || view.subject === query.subject);
    const all = [...this.views.values()].filter(({ view }) => wanted(view)).sort((a, b) => b.view.at - a.view.at);
    const items = all.slice(query.skip, query.skip + query.limit).map(stored);
    return Promise.resolve({ items, total: all.length });
  }

  #apply(change: Change): ChangeResult {
    const stale = this.#stale(change);
    if (stale !== null) return { status: 'stale', what: stale };
    const hashes = change.appends.flatMap(({ stream, records: drafts }) => {
      const chain = this.streams.get(stream) ?? [];
      this.streams.set(stream, chain);
      return drafts.map((draft) => {
        const sealed = sealRecord({ ...draft, stream, seq: chain.length + 1, prev: chain.at(-1)?.hash ?? FIRST_PREV });
        chain.push(sealed);
        return sealed.hash;
      });
    });
    for (const view of change.views ?? []) {
      const key = `${view.kind}\n${view.id}`;
      const version = (this.views.get(key)?.version ?? 0) + 1;
      if (view.body === null) this.views.delete(key);
      else this.views.set(key, { view, version });
    }
    return { status: 'applied', hashes };
  }

  #stale(change: Change): string | null {
    for (const { stream, expectedSeq } of change.appends) {
      if ((this.streams.get(stream)?.length ?? 0) !== expectedSeq) return stream;
    }
    for (const view of change.views ?? []) {
      const key = `${view.kind}\n${view.id}`;
      const version = this.views.get(key)?.version ?? 0;
      if (view.expectedVersion !== null && view.expectedVersion !== version) return key;
      const clash = [...this.views].some(
        ([other, held]) =>
          other !== key &&
          view.uniqueKey !== undefined &&
          view.uniqueKey !== null &&
          held.view.kind === view.kind &&
          held.view.uniqueKey === view.uniqueKey,
      );
      if (clash) return `${key}: unique key`;
    }
    return null;
  }
}

function stored({ view, version }: { view: View; version: number }): StoredView {
  return { id: view.id, version, at: view.at, body: view.body };
}

/** Bytes that differ from call to call and are the same in every run: for tests only, anybody can guess them. */
export function countingBytes(): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => {
    calls += 1;
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(length - 4, calls);
    return bytes;
  };
}
