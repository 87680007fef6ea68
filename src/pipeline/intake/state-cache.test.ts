import { describe, expect, it } from 'vitest';
import type { DetectorStateWrite } from '../../journal/journal.ts';
import { stateCache } from './state-cache.ts';

const KEY = { rule: 'r', key: 'a' };
const OTHER = { rule: 'r', key: 'b' };

function journalOf(stored: Map<string, { version: number; body: string }>) {
  const asked: string[] = [];
  return {
    asked,
    async detectorStates(keys: readonly { readonly rule: string; readonly key: string }[]) {
      asked.push(...keys.map(({ key }) => key));
      return new Map([...stored].filter(([name]) => keys.some(({ rule, key }) => name === `${rule}\n${key}`)));
    },
  };
}

const write = ({ rule, key }: typeof KEY, expectedVersion: number, body: string): DetectorStateWrite => {
  return { rule, key, expectedVersion, chosen: false, touchedAt: 0, body };
};

describe('stateCache', () => {
  it('reads what it does not know, and does not take a read for a write', async () => {
    const journal = journalOf(new Map([['r\na', { version: 3, body: 'stored' }]]));
    const cache = stateCache(journal);
    expect(await cache.load([KEY, OTHER])).toEqual(new Map([['r\na', { version: 3, body: 'stored' }]]));
    await cache.load([KEY]);
    expect(journal.asked).toEqual(['a', 'b', 'a']);
  });

  it('answers from memory what was committed, under the version that the write made', async () => {
    const journal = journalOf(new Map());
    const cache = stateCache(journal);
    cache.committed([write(KEY, 4, 'new')]);
    expect(await cache.load([KEY])).toEqual(new Map([['r\na', { version: 5, body: 'new' }]]));
    expect(journal.asked).toEqual([]);
  });

  it('asks the journal again after a write whose end is unknown', async () => {
    const journal = journalOf(new Map([['r\na', { version: 1, body: 'stored' }]]));
    const cache = stateCache(journal);
    cache.committed([write(KEY, 8, 'old')]);
    cache.forget([write(KEY, 9, 'lost')]);
    expect(await cache.load([KEY])).toEqual(new Map([['r\na', { version: 1, body: 'stored' }]]));
  });

  it('keeps those that were written last, up to its bound', async () => {
    const journal = journalOf(new Map());
    const cache = stateCache(journal, 1);
    cache.committed([write(KEY, 0, 'a'), write(OTHER, 0, 'b')]);
    expect([...(await cache.load([KEY, OTHER])).keys()]).toEqual(['r\nb']);
    expect(journal.asked).toEqual(['a']);
  });
});
