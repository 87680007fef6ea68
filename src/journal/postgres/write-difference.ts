import type { Queryable } from './connection.ts';
import type { Difference, ViewRow } from './fold-batch.ts';
import { partsOf, type Part, type WriteOptions } from './write-parts.ts';

/** Somebody else wrote a row first that was not there when it was looked for: the batch is to be computed again. */
export class OvertakenError extends Error {
  constructor() {
    super('another process wrote the same rows at the same time');
    this.name = 'OvertakenError';
  }
}

/**
 * Writes the difference that a batch makes: one statement for all tables, and two more in rare cases.
 *
 * @throws OvertakenError, and whatever PostgreSQL refuses.
 */
export async function writeDifference(
  connection: Queryable,
  difference: Difference,
  options: WriteOptions,
): Promise<void> {
  await releaseKeys(connection, difference);
  const parts = partsOf(difference, options);
  const { rows } = await connection.query<{ n: number }>(statementOf(parts));
  const expected = parts.reduce((sum, part) => sum + (part.counted ?? 0), 0);
  if (rows[0]?.n !== expected) throw new OvertakenError();
  await forget(connection, difference);
}

/**
 * Deletes states by the time of their last use. What the batch itself wrote was judged when it was written; and states
 * that another process works on are left to be forgotten the next time: waiting for them could deadlock.
 */
async function forget(connection: Queryable, { forgotten, states }: Difference): Promise<void> {
  const written = states.flatMap(({ after }) => (after === null ? [] : [after]));
  for (const { chosen, before } of forgotten) {
    await connection.query({
      name: 'forget',
      text: `delete from detector_states d using (
               select s.rule, s.key from detector_states s where s.chosen = $1 and s.touched < $2 and not exists (
                 select 1 from unnest($3::text[], $4::text[]) w (rule, key) where w.rule = s.rule and w.key = s.key
               ) for update of s skip locked
             ) o where d.rule = o.rule and d.key = o.key`,
      values: [chosen, before, written.map(({ rule }) => rule), written.map(({ key }) => key)],
    });
  }
}

/** A unique index is checked row by row: who gives up a key must have done so before another one takes it. */
async function releaseKeys(connection: Queryable, { views }: Difference): Promise<void> {
  const keyOf = (row: ViewRow | null): string | null =>
    row === null || row.uniqueKey === null ? null : JSON.stringify([row.kind, row.uniqueKey]);
  const taken = new Set<string | null>();
  for (const { before, after } of views) if (keyOf(after) !== keyOf(before)) taken.add(keyOf(after));
  taken.delete(null);
  const released = views.flatMap(({ before, after }) =>
    before !== null && taken.has(keyOf(before)) && keyOf(after) !== keyOf(before) ? [before] : [],
  );
  if (released.length === 0) return;
  await connection.query({
    name: 'release-keys',
    text: `update views v set unique_key = null from unnest($1::text[], $2::text[]) k (kind, id)
           where v.kind = k.kind and v.id = k.id`,
    values: [released.map(({ kind }) => kind), released.map(({ id }) => id)],
  });
}

/** Statements by the names of their parts: there are few combinations, and each is prepared once for a connection. */
const STATEMENTS = new Map<string, { readonly name: string; readonly text: string }>();

/**
 * One statement that writes all parts, each after the one before: it looks at what that one wrote, which also is what
 * keeps all processes to one order. Answers with the number of rows of the parts that are counted.
 */
function statementOf(parts: readonly Part[]): { name: string; text: string; values: unknown[] } {
  const names = parts.map(({ name }) => name).join(' ');
  const known = STATEMENTS.get(names);
  // Numbered, because names of prepared statements are short in PostgreSQL.
  const statement = known ?? { name: `write-${STATEMENTS.size}`, text: textOf(parts) };
  if (known === undefined) STATEMENTS.set(names, statement);
  return { ...statement, values: parts.flatMap(({ columns }) => [...columns]) };
}

function textOf(parts: readonly Part[]): string {
  let offset = 0;
  const clauses = parts.map((part, index) => {
    const before = parts[index - 1];
    const after = before === undefined ? 'true' : `(select count(*) from ${before.name}) >= 0`;
    const from = offset;
    offset += part.columns.length;
    const sql = part.sql.replaceAll(/\$(\d+)/g, (_, n: string) => `$${Number(n) + from}`).replaceAll('@', after);
    return `${part.name} as (${sql})`;
  });
  const last = parts.at(-1)?.name ?? '';
  const counted = parts.filter((part) => part.counted !== undefined);
  const sums = counted.map((part) => `(select count(*) from ${part.name})`);
  return `with ${clauses.join(',\n')}\nselect ${['0', ...sums].join(' + ')} as n from (select count(*) from ${last}) l`;
}
