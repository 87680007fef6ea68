import { expect, it } from 'vitest';
import { streamsOfPerson } from './person-streams.ts';

it('names each stream of a person once, on however many pages and under however many rows', async () => {
  const names = Array.from({ length: 700 }, (_, index) => `incident/inc_${index}`);
  const rows = names.flatMap((name) => [name, `${name} per_bob`]);
  const listViews = async ({ skip, limit }: { readonly skip: number; readonly limit: number }) => ({
    items: rows.slice(skip, skip + limit).map((id) => ({ id, version: 1, at: 0, body: {} })),
    total: rows.length,
  });
  expect(await streamsOfPerson({ listViews }, 'per_bob')).toEqual(names);
});
