import dns from 'node:dns';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Client } from 'pg';
import { append } from '../../../tests/support/journal-conformance.ts';
import { cutConnections, openOn } from '../../../tests/support/postgres-place.ts';
import { sharedCluster, type Cluster } from '../../../tests/support/postgres.ts';
import { FirebreakError, messageOf } from '../../platform/errors.ts';
import { StoreUnavailableError, type Change } from '../journal.ts';
import { openPostgresSnapshot } from './snapshot.ts';
import type { PostgresJournal } from './postgres-journal.ts';
import type { CommitPoint } from './writer.ts';

const shared = sharedCluster({ max_connections: '30' });
const AT = Date.UTC(2026, 10, 21, 3, 0, 0);
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('PostgreSQL under the journal', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let url: string;
  const open: PostgresJournal[] = [];
  beforeEach(async () => {
    cluster = await shared.cluster();
    url = await cluster.database();
  });
  afterEach(async () => {
    for (const journal of open.splice(0)) await journal.close();
    await cluster.query(`alter database ${database()} reset all`);
    await cluster.recycle(url);
  });
  const opened = async (more: Parameters<typeof openOn>[1] = {}): Promise<PostgresJournal> => {
    const journal = await openOn(url, more);
    open.push(journal);
    return journal;
  };
  const database = (): string => new URL(url).pathname.slice(1);
  const statuses = async (journal: PostgresJournal, ...changes: Change[]): Promise<string[]> =>
    (await journal.commit(changes)).map(({ status }) => status);

  /** Ends the session of a connection and waits until the server is rid of it. */
  async function kill(client: Client): Promise<void> {
    // safe: the driver learns it at the start of each session; its types do not know
    const { processID } = client as unknown as { processID: number };
    await cluster.query('select pg_terminate_backend($1, 5000)', [processID]);
  }

  it('knows which processes live: nobody else, not one that has said goodbye, not one that was silent for too long', async () => {
    const [journal, other] = [await opened(), await opened()];
    const { processId } = other.members;
    expect([await journal.lives(journal.members.processId), await journal.lives(processId)]).toEqual([true, true]);
    expect(await journal.lives('prc_nobody')).toBe(false);
    await cluster.query(
      `update processes set beat_at = beat_at - interval '1 hour' where id = $1`,
      [processId],
      database(),
    );
    expect(await journal.lives(processId)).toBe(false);
    await other.members.beat();
    expect([await journal.lives(processId), await journal.lives(other.members.processId)]).toEqual([false, true]);
    await other.members.leave();
    expect(await journal.lives(other.members.processId)).toBe(false);
  });

  it('names a record that somebody has made unreadable, and reads others', async () => {
    const journal = await opened();
    expect(await statuses(journal, append('s', 0, AT), append('s', 1, AT), append('t', 0, AT))).toEqual([
      'applied',
      'applied',
      'applied',
    ]);
    const spoil = `update records set bytes = replace(bytes, '"at":', '"at":x') where seq = 2 and stream = (select no from streams where name = 's')`;
    await cluster.query('alter table records disable trigger all', [], database());
    await cluster.query(spoil, [], database());
    const refusal = /^Record 2 of the stream s cannot be read: /;
    await expect(journal.readStream('s')).rejects.toThrow(refusal);
    await expect(journal.readStream('s', 1)).rejects.toThrow(refusal);
    expect(await journal.readStream('t')).toHaveLength(1);
  });

  it('ending the session before a commit is sent costs nothing but a second try', async () => {
    let left = 1;
    const probe = async (point: CommitPoint, client: Client): Promise<void> => {
      if (point === 'written' && left-- > 0) await kill(client);
    };
    const journal = await opened({ probe });
    expect(await statuses(journal, append('s', 0, AT))).toEqual(['applied']);
    expect(left).toBeLessThan(1);
    expect(await journal.readStream('s')).toHaveLength(1);
  });

  it('ending the session while a commit is under way is followed by the truth, and one record', async () => {
    for (let round = 0; round < 10; round += 1) {
      let left = 1;
      const probe = async (point: CommitPoint, client: Client): Promise<void> => {
        if (point === 'commit-sent' && left-- > 0) await kill(client);
      };
      const journal = await opened({ probe });
      const [result] = await journal.commit([append(`s/${round}`, 0, AT)]);
      const sealed = await journal.readStream(`s/${round}`);
      expect(result).toEqual({ status: 'applied', hashes: sealed.map(({ hash }) => hash) });
      await journal.close();
    }
  });

  it('losing the answer to a commit that took place is told as what it was', async () => {
    let left = 1;
    const probe = (point: CommitPoint, client: Client): void => {
      // The words go out, and the way back is cut: the server commits and nobody hears of it.
      if (point === 'commit-sent' && left-- > 0) deafen(client);
    };
    const journal = await opened({ probe });
    expect(await statuses(journal, append('s', 0, AT))).toEqual(['applied']);
    expect(await journal.readStream('s')).toHaveLength(1);
    const [row] = await cluster.query('select count(*)::int as n from records', [], database());
    expect(row).toEqual({ n: 2 });
  });

  it('being cut off again and again loses and doubles nothing', async () => {
    const journal = await opened();
    let done = false;
    const cutter = (async () => {
      while (!done) {
        await cutConnections(cluster, url, 'firebreak writer');
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    let seq = 0;
    for (let round = 0; round < 60; round += 1) {
      const [result] = await journal.commit([append('s', seq, AT)]).catch((thrown: unknown) => {
        expect(thrown).toBeInstanceOf(StoreUnavailableError);
        expect(thrown).toMatchObject({ unknown: false });
        return [];
      });
      if (result === undefined) continue;
      expect(result.status).toBe('applied');
      seq += 1;
    }
    done = true;
    await cutter;
    expect(seq).toBeGreaterThan(0);
    expect((await journal.readStream('s')).map(({ record }) => record.seq)).toEqual(
      Array.from({ length: seq }, (_, index) => index + 1),
    );
  });

  it('stopped and started again is found again without a restart of ours', async () => {
    const journal = await opened();
    expect(await statuses(journal, append('s', 0, AT))).toEqual(['applied']);
    await cluster.stop();
    await expect(journal.commit([append('s', 1, AT)])).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      unknown: false,
    });
    await expect(journal.readStream('s')).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(journal.members.beat()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(journal.members.holds()).toBe(false);
    await expect(openOn(url)).rejects.toBeInstanceOf(StoreUnavailableError);
    await cluster.start();
    expect(await statuses(journal, append('s', 1, AT))).toEqual(['applied']);
    expect(await journal.readStream('s')).toHaveLength(2);
    await journal.members.beat();
    expect(journal.members.holds()).toBe(true);
  });

  it('that crashes remembers who has just joined, and what was just claimed', async () => {
    const api = await opened({ performs: false });
    await api.commit([{ appends: [], effects: [{ execution: 'exe_1', name: 'asked', body: {} }] }]);
    const worker = await opened();
    await worker.members.beat();
    const { processId } = worker.members;
    expect(await worker.members.claim(1)).toMatchObject([{ name: 'asked', unbegun: true }]);
    await cluster.stop();
    await cluster.start();
    expect(await cluster.query('select id from processes where id = $1', [processId], database())).toHaveLength(1);
    const [claimed] = await cluster.query(`select owner from effects where name = 'asked'`, [], database());
    expect(claimed).toEqual({ owner: processId });
  });

  it('that crashes right after a process has joined keeps others from taking its place', async () => {
    const { members } = await opened();
    await members.beat();
    await cluster.stop();
    await cluster.start();
    const found = await cluster.query('select id from processes', [], database());
    expect(found).toEqual([{ id: members.processId }]);
  });

  it('lets one of two sign what neither has seen signed, however many times they come at one moment', async () => {
    const [one, two] = [await opened(), await opened()];
    let newest = 0;
    for (let round = 0; round < 20; round += 1) {
      const sizes = [newest + 1, newest + 2];
      const added = await Promise.all([
        one.log.addCheckpoint({ size: newest + 1, at: AT, note: 'of one' }, newest),
        two.log.addCheckpoint({ size: newest + 2, at: AT, note: 'of two' }, newest),
      ]);
      expect(added.toSorted()).toEqual([false, true]);
      newest = sizes[added.indexOf(true)] ?? 0;
      expect((await one.log.checkpoints(1)).at(-1)?.size).toBe(newest);
    }
  });

  it('whose name cannot be looked up for a moment is away, and found again without a restart of ours', async () => {
    const journal = await openOn(url.replace('127.0.0.1', 'localhost'));
    open.push(journal);
    expect(await statuses(journal, append('s', 0, AT))).toEqual(['applied']);
    const lookUp = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(((host: string, _: unknown, done: (thrown: Error) => void) =>
        done(Object.assign(new Error(`getaddrinfo EAI_AGAIN ${host}`), { code: 'EAI_AGAIN' }))) as never);
    try {
      await cutConnections(cluster, url);
      const away = { name: 'StoreUnavailableError', unknown: false };
      await expect(journal.commit([append('s', 1, AT)])).rejects.toMatchObject(away);
      await expect(journal.view('finding', 'none')).rejects.toMatchObject(away);
      await expect(journal.members.beat()).rejects.toMatchObject(away);
    } finally {
      lookUp.mockRestore();
    }
    expect(await statuses(journal, append('s', 1, AT))).toEqual(['applied']);
    await journal.members.beat();
    expect(journal.members.holds()).toBe(true);
  });

  it('without a free connection is said in words, and the journal goes on when there is one', async () => {
    const journal = await opened();
    const greedy: PostgresJournal[] = [];
    const refusal = await (async () => {
      for (;;) greedy.push(await openOn(url));
    })().catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(StoreUnavailableError);
    expect(messageOf(refusal)).toContain('no connection left');
    for (const each of greedy) await each.close();
    await cutConnections(cluster, url);
    expect(await statuses(journal, append('s', 0, AT))).toEqual(['applied']);
    expect(await journal.streams('s')).toEqual(['s']);
  });

  it('set so that it forgets what it committed is refused', async () => {
    await cluster.query(`alter database ${database()} set synchronous_commit = off`);
    await expect(openOn(url)).rejects.toThrow('synchronous_commit = off');
    await expect(openOn(url)).rejects.toBeInstanceOf(FirebreakError);
  });

  it('that cannot hold every text is refused, whatever else it is encoded in', async () => {
    for (const encoding of ['SQL_ASCII', 'LATIN2', 'WIN1251', 'EUC_KR']) {
      await cluster.query(`create database other encoding '${encoding}' locale 'C' template template0`);
      await expect(openOn(url.replace(`/${database()}`, '/other'))).rejects.toThrow('not encoded in UTF8');
      await cluster.query('drop database other with (force)');
    }
  });

  it('never learns a password for others to read', async () => {
    const secret = /not to be shown|not%20to%20be%20shown/;
    const strangers = [
      url.replace('/t', '/nowhere'),
      url.replace(/:\d+\//, ':1/'),
      url.replace('127.0.0.1', 'no such host'),
      'postgres://firebreak:not to be shown@[broken',
    ];
    for (const stranger of strangers) {
      const refusal = await openOn(stranger).catch((thrown: unknown) => thrown);
      expect(refusal).toBeInstanceOf(Error);
      expect(everythingIn(refusal)).not.toMatch(secret);
    }
    await cluster.query(`alter database ${database()} set default_transaction_read_only = on`);
    expect(everythingIn(await openOn(url).catch((thrown: unknown) => thrown))).not.toMatch(secret);
  });

  it('refuses to change or remove a record, even to who writes SQL', async () => {
    await statuses(await opened(), append('s', 0, AT));
    const sql = (text: string) => cluster.query(text, [], database());
    await expect(sql(`update records set bytes = ''`)).rejects.toThrow('records are immutable');
    await expect(sql('delete from records')).rejects.toThrow('records are kept');
    await expect(sql('truncate records')).rejects.toThrow('records are kept');
  });

  it('refuses names that it cannot store, and the others of the batch are not to blame', async () => {
    const journal = await opened();
    for (const name of ['a\u0000b', 'a\ud800']) {
      const refused = await journal
        .commit([append('good', 0, AT), append(name, 0, AT)])
        .catch((thrown: unknown) => thrown);
      expect(refused).toBeInstanceOf(Error);
      expect(refused).not.toBeInstanceOf(StoreUnavailableError);
    }
    expect(await statuses(journal, append('good', 0, AT))).toEqual(['applied']);
  });

  it('keeps texts with a NUL character or half a surrogate pair where they are values', async () => {
    const journal = await opened();
    const body = { text: 'a\u0000b\ud800 \\u0000 "\u{1f600}' };
    const views = [{ kind: 'finding' as const, id: 'v', expectedVersion: 0, at: AT, body }];
    const records = [{ type: 'execution.note', v: 1, at: AT, data: { text: 'a\u0000b \\u0000' } }];
    expect(await statuses(journal, { appends: [{ stream: 's', expectedSeq: 0, records }], views })).toEqual([
      'applied',
    ]);
    expect((await journal.view('finding', 'v'))?.body).toEqual(body);
    expect((await journal.readStream('s'))[0]?.record.data).toEqual({ text: 'a\u0000b \\u0000' });
  });

  it('with a transaction that somebody left open lets a commit go on in time', async () => {
    const journal = await opened();
    await statuses(journal, append('s', 0, AT));
    let left = 1;
    let other: Promise<unknown> = Promise.resolve();
    // As a process that is frozen with its locks held: its session is ended by the server.
    const frozen = await opened({
      probe: async (point) => {
        if (point !== 'written' || left-- <= 0) return;
        other = journal.commit([append('s', 1, AT)]);
        await other;
      },
    });
    const late = await frozen.commit([append('s', 1, AT)]);
    expect(late.map(({ status }) => status)).toEqual(['stale']);
    expect(await other).toMatchObject([{ status: 'applied' }]);
  });

  it('is read as of one moment by a snapshot, which writes nothing', async () => {
    const journal = await opened();
    await statuses(journal, append('s', 0, AT));
    const snapshot = await openPostgresSnapshot(url);
    await statuses(journal, append('s', 1, AT));
    expect(await snapshot.readStream('s')).toHaveLength(1);
    expect(snapshot.id).toBe(journal.id);
    await expect(snapshot.commit([append('s', 1, AT)])).rejects.toThrow('only read');
    await snapshot.close();
    await expect(openPostgresSnapshot(await cluster.database())).rejects.toMatchObject({ code: 'not_found' });
  });
});

/** What a log could print of a thrown value: all that can be reached from it. */
function everythingIn(thrown: unknown, seen = new Set<unknown>()): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  if (seen.has(thrown)) return '';
  seen.add(thrown);
  const own = Object.getOwnPropertyNames(thrown).map((name) => everythingIn(Reflect.get(thrown, name), seen));
  return [messageOf(thrown), ...own].join('\n');
}

/** Cuts what comes back on a connection, after what was written has gone out. */
function deafen(client: Client): void {
  const { connection } = client as unknown as { connection: { stream: import('node:net').Socket } };
  const { stream } = connection;
  stream.removeAllListeners('data');
  // An end without an answer: the other side has read what was sent before.
  stream.once('data', () => stream.destroy());
  stream.resume();
}
