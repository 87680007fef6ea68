import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditExportCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { seedCommand } from '../../src/cli/seed.ts';
import { BASE } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { openJournalFile, startHarness, STARTED_AT, testIo, until, type Harness } from '../support/server.ts';

/** What the verifier answers with `--json`. */
interface Verdict {
  readonly code: number;
  readonly verdict: string;
  readonly intact: boolean;
  readonly problem: string | null;
  readonly firstBad: { readonly stream: string | null; readonly seq: number | null } | null;
}
interface RecordRow {
  readonly no: number;
  readonly name: string;
  readonly seq: number;
  readonly bytes: string;
}

const MINUTE_MS = 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'firebreak-audit-'));
let house: Harness;
let executionId: string;
let incidentId: string;
/** The records of the execution and of its incident. */
let rows: readonly RecordRow[];

/** A real run: two sign-ins that no flight covers, a challenge nobody answers, tokens, an approval by two, sessions. */
beforeAll(async () => {
  house = await startHarness({ accelerated: true });
  const [ada, ben] = await Promise.all([house.person('SECURITY_ADMIN'), house.person('INCIDENT_COMMANDER')]);
  expect(
    await seedCommand({ url: house.url, missing: false, json: true }, testIo({ FIREBREAK_API_KEY: house.admin.key })),
  ).toBe(0);
  const gate = { ...POLICY.policyGates[0], triggers: { actionTypes: ['FULL_SESSION_KILL'] } };
  expect((await house.admin.api('POST', `${BASE}/policies`, { ...POLICY, policyGates: [gate] })).status).toBe(201);
  const login = (id: string, minutesAgo: number, ip: string, geo: object) => ({
    id,
    kind: 'login',
    subject: 'anna',
    outcome: 'success',
    time: new Date(STARTED_AT - minutesAgo * MINUTE_MS).toISOString(),
    ip,
    geo,
  });
  const sent = await house.admin.api('POST', '/api/events', [
    login('london', 70, '81.2.69.142', { lat: 51.51, lon: -0.13, country: 'GB', city: 'London', radiusM: 5_000 }),
    login('sydney', 10, '175.16.199.1', { lat: -33.87, lon: 151.21, country: 'AU', city: 'Sydney', radiusM: 5_000 }),
  ]);
  expect(sent.body.data).toMatchObject({ accepted: 2 });
  const { body } = await house.admin.api('GET', `${BASE}/executions?userId=anna`);
  expect(body.data).toMatchObject([{ playbookId: 'playbook_impossible_travel' }]);
  ({ executionId, incidentId } = body.data[0]);
  await house.settled(executionId);
  let earlyAnchors = '';
  await until('a checkpoint covers what there is', async () => {
    earlyAnchors = readFileSync(join(house.dataDir, 'checkpoints.txt'), 'utf8');
    return sizesIn(earlyAnchors).at(-1) === house.counts().records ? true : null;
  });
  const early = join(scratch, 'early');
  mkdirSync(early);
  house.database().prepare('vacuum into ?').run(join(early, 'journal.sqlite'));
  for (const name of ['log-key.pem', 'person-keys.sqlite', 'person-keys.sqlite-wal'])
    cpSync(join(house.dataDir, name), join(early, name));
  writeFileSync(join(early, 'checkpoints.txt'), earlyAnchors);
  const { body: waiting } = await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  for (const voter of [ada, ben]) {
    const { status } = await voter.api('POST', `${BASE}/approvals/${waiting.data[0]._id}/approve`);
    expect(status).toBe(200);
  }
  expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
  await until('the incident is contained', async () => {
    const { body: incident } = await house.admin.api('GET', `/api/incidents/${incidentId}`);
    return incident.data.status === 'CONTAINED' ? true : null;
  });
  await house.halt();
  rows = recordsOf(house.database(), [`execution/${executionId}`, `incident/${incidentId}`]);
});
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

function sizesIn(notes: string): number[] {
  return [...notes.matchAll(/^firebreak\/[^\n]+\n(\d+)\n/gm)].map(([, size]) => Number(size));
}

function recordsOf(database: Database, streams: readonly string[]): RecordRow[] {
  const statement = database.prepare<[string], RecordRow>(
    'select r.no, s.name, r.seq, r.bytes from records r join streams s on s.no = r.stream where s.name = ? order by r.seq',
  );
  return streams.flatMap((stream) => statement.all(stream));
}

let copies = 0;
/** A copy of the journal, changed by somebody who owns the machine. */
function tampered(change: (database: Database) => void): string {
  copies += 1;
  const dir = join(scratch, `copy-${copies}`);
  cpSync(house.dataDir, dir, { recursive: true });
  const database = openJournalFile(dir);
  database.exec('drop trigger records_are_immutable; drop trigger records_are_kept');
  change(database);
  database.close();
  return dir;
}

async function verify(options: {
  readonly data?: string;
  readonly directory?: string;
  readonly anchor?: string;
}): Promise<Verdict> {
  const io = testIo();
  const code = await auditVerifyCommand({ ...options, json: true }, io);
  return { ...JSON.parse(io.said()), code };
}

/** The verdict on a copy that was changed; the copy is gone afterwards. */
async function verdictAfter(change: (database: Database) => void): Promise<Verdict> {
  const dir = tampered(change);
  const verdict = await verify({ data: dir });
  rmSync(dir, { recursive: true });
  return verdict;
}

/** Taking out the very last record of the log reads as a cut-off tail; everything else as a change. */
const named = ({ name, seq }: RecordRow, verdict: RegExp = /^changed$/) => ({
  code: 1,
  verdict: expect.stringMatching(verdict),
  intact: false,
  firstBad: expect.objectContaining({ stream: name, seq }),
});

/** The text with one character of it exchanged, at a place that the record chooses. */
function flipped({ bytes, seq }: RecordRow): string {
  const at = (seq * 37) % bytes.length;
  return `${bytes.slice(0, at)}${bytes[at] === 'x' ? 'y' : 'x'}${bytes.slice(at + 1)}`;
}

const set = (database: Database, no: number, bytes: string) =>
  database.prepare('update records set bytes = ? where no = ?').run(bytes, no);

describe('audit verify', () => {
  it('finds the untouched journal intact, and every record of the run under a checkpoint', async () => {
    const verdict = await verify({ data: house.dataDir });
    expect(verdict).toMatchObject({ code: 0, verdict: 'intact', firstBad: null, counts: { unsequenced: 0 } });
    expect(rows.length).toBeGreaterThan(15);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(2);
  });

  it('names every record in which one character was changed', async () => {
    for (const row of rows)
      expect(await verdictAfter((database) => set(database, row.no, flipped(row)))).toMatchObject(named(row));
  });

  it('names the first record of the journal itself, also where it is no JSON any more', async () => {
    const spoil = `update records set bytes = replace(bytes, '"at":', '"at":x')
      where no = (select min(r.no) from records r join streams s on s.no = r.stream where s.name = 'config')`;
    const verdict = await verdictAfter((database) => database.prepare(spoil).run());
    expect(verdict).toMatchObject({ verdict: 'changed', firstBad: { stream: 'config', seq: 1 } });
  });

  it('names every record whose hash was changed', async () => {
    for (const row of rows) {
      const verdict = await verdictAfter((database) =>
        database.prepare(`update records set hash = zeroblob(32) where no = ?`).run(row.no),
      );
      expect(verdict).toMatchObject(named(row));
    }
  });

  it('names every record that was removed', async () => {
    for (const row of rows) {
      const verdict = await verdictAfter((database) =>
        database.prepare('delete from records where no = ?').run(row.no),
      );
      expect(verdict).toMatchObject(named(row, /^(changed|truncated)$/));
    }
  });

  it('names every record that was swapped with the next', async () => {
    for (const [index, row] of rows.entries()) {
      const next = rows[index + 1];
      if (next === undefined || next.name !== row.name) continue;
      const verdict = await verdictAfter((database) => {
        const place = database.prepare('update records set seq = ? where no = ?');
        place.run(-1, row.no);
        place.run(row.seq, next.no);
        place.run(next.seq, row.no);
      });
      expect(verdict).toMatchObject(named(row));
    }
  });

  it('names a record that was exchanged for one of another stream', async () => {
    const [mine] = rows;
    const other = rows.find(({ name }) => name !== mine?.name);
    if (mine === undefined || other === undefined) throw new Error('both streams have records');
    expect(await verdictAfter((database) => set(database, mine.no, other.bytes))).toMatchObject(named(mine));
  });

  it('is not fooled by a forger who also fits the leaves: the signature covers them', async () => {
    const [, row] = rows;
    if (row === undefined) throw new Error('there are records');
    const bytes = flipped(row);
    const leaf = createHash('sha256')
      .update(Buffer.from([0]))
      .update(bytes)
      .digest();
    const verdict = await verdictAfter((database) => {
      database
        .prepare('update records set bytes = ?, hash = ? where no = ?')
        .run(bytes, createHash('sha256').update(bytes).digest(), row.no);
      database
        .prepare('update leaves set hash = ? where seq = ? and stream = (select no from streams where name = ?)')
        .run(leaf, row.seq, row.name);
    });
    expect([verdict.code, verdict.intact]).toEqual([1, false]);
    expect(verdict.firstBad).not.toBeNull();
  });

  it('names a record that was added', async () => {
    const last = rows.findLast(({ name }) => name.startsWith('execution/'));
    if (last === undefined) throw new Error('there are records');
    const verdict = await verdictAfter((database) =>
      database
        .prepare(
          'insert into records (stream, seq, bytes, hash) select stream, seq + 1, bytes, hash from records where no = ?',
        )
        .run(last.no),
    );
    expect(verdict).toMatchObject(named({ ...last, seq: last.seq + 1 }));
  });
});

describe('the rows that the API shows', () => {
  const rowsOf = (kind: string) =>
    house
      .database()
      .prepare<[string], { id: string; body: string }>('select id, body from views where kind = ?')
      .all(kind);

  it.each([
    ['execution', `status = 'FAILED'`, 'filter'],
    ['execution', `body = json_set(body, '$.status', 'CANCELLED')`, 'in status'],
    ['execution', `body = json_set(body, '$.requestedBy', 'person:x')`, 'in requestedBy'],
    ['approval', `body = json_set(body, '$.votes', json('[]'))`, 'in votes'],
    ['approval', `subject = 'bela'`, 'filter'],
    ['incident', `body = json_set(body, '$.incident.status', 'RESOLVED')`, 'in status'],
    ['playbook', `body = json_set(body, '$.document.enabled', json('false'))`, 'in document'],
    ['policy', `body = json_set(body, '$.document.policyGates', json('[]'))`, 'in document'],
    ['user', `body = json_set(body, '$.roles', json('["CISO"]'))`, 'in roles'],
    ['key', `body = json_set(body, '$.expiresAt', 9999999999999)`, 'in expiresAt'],
  ])('name the %s when somebody sets %s', async (kind, change, problem) => {
    const { id } = rowsOf(kind).at(-1) ?? { id: '' };
    const verdict = await verdictAfter((database) => {
      database.prepare(`update views set ${change} where kind = ? and id = ?`).run(kind, id);
    });
    expect(verdict).toMatchObject({ code: 1, verdict: 'changed', problem: expect.stringContaining(`${kind} ${id}`) });
    expect(verdict.problem).toContain(problem);
  });

  it.each(['execution', 'approval', 'incident', 'playbook', 'policy', 'user', 'key'])(
    'name a %s that was removed, or made up',
    async (kind) => {
      const { id } = rowsOf(kind).at(-1) ?? { id: '' };
      const removed = await verdictAfter((database) => {
        database.prepare('delete from views where kind = ? and id = ?').run(kind, id);
      });
      expect(removed.problem).toContain(`${kind} ${id} is missing`);
      const madeUp = await verdictAfter((database) => {
        database
          .prepare(
            `insert into views select kind, 'made-up', version, null, status, type, severity, subject, parent, ref, at, body
             from views where kind = ? and id = ?`,
          )
          .run(kind, id);
      });
      expect(madeUp.problem).toContain(`${kind} made-up has no records`);
    },
  );
});

describe('a journal that was set back to an earlier state of itself', () => {
  it('is shown by the checkpoints that were published, and by nothing else', async () => {
    const dir = join(scratch, 'early');
    const latest = join(house.dataDir, 'checkpoints.txt');
    // Everything that the machine itself holds fits together: only a copy that left it tells.
    expect(await verify({ data: dir })).toMatchObject({ code: 0, verdict: 'intact' });
    expect(await verify({ data: dir, anchor: latest })).toMatchObject({ code: 1, verdict: 'truncated' });
    writeFileSync(join(dir, 'checkpoints.txt'), readFileSync(latest));
    expect(await verify({ data: dir })).toMatchObject({ code: 1, verdict: 'truncated' });
  });
});

describe('an export', () => {
  const exported = async (name: string): Promise<string> => {
    const directory = join(scratch, name);
    expect(await auditExportCommand({ directory, data: house.dataDir }, testIo())).toBe(0);
    return directory;
  };

  it('verifies offline, without the journal', async () => {
    const directory = await exported('whole');
    expect(await verify({ directory })).toMatchObject({ code: 0, verdict: 'intact' });
    await expect(exported('whole')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('names every record that was changed in it, or taken out', async () => {
    const directory = await exported('changed');
    const file = join(directory, 'records.ndjson');
    const whole = readFileSync(file, 'utf8');
    for (const row of rows) {
      expect(whole.includes(row.bytes)).toBe(true);
      writeFileSync(
        file,
        whole.replace(row.bytes, () => flipped(row)),
      );
      expect(await verify({ directory })).toMatchObject(named(row));
      writeFileSync(file, whole.replace(`${row.bytes}\n`, ''));
      expect(await verify({ directory })).toMatchObject(named(row, /^(changed|truncated)$/));
    }
    writeFileSync(file, whole);
    expect(await verify({ directory })).toMatchObject({ code: 0, verdict: 'intact' });
  });
});

describe('replay', () => {
  const replay = async (data: string) => {
    const io = testIo();
    const code = await replayCommand({ execution: executionId, data, json: true }, io);
    return { ...JSON.parse(io.said()), code };
  };

  it('derives every record of the run again', async () => {
    const own = rows.filter(({ name }) => name.startsWith('execution/'));
    expect(await replay(house.dataDir)).toMatchObject({ code: 0, identical: true, records: own.length });
  });

  it('says at which record a fact was altered, for every one of them', async () => {
    for (const row of rows.filter(({ name }) => name.startsWith('execution/'))) {
      const record = JSON.parse(row.bytes);
      record.data.facts = [...record.data.facts, { type: 'input.ignored', why: 'forged' }];
      const dir = tampered((database) => set(database, row.no, JSON.stringify(record)));
      expect(await replay(dir)).toMatchObject({ code: 1, identical: false, seq: row.seq });
      rmSync(dir, { recursive: true });
    }
  });

  it('says so when an input was altered: a vote that was never given', async () => {
    const vote = rows.find(({ bytes }) => bytes.includes('"type":"vote"'));
    if (vote === undefined) throw new Error('there was a vote');
    const forged = vote.bytes.replace('"decision":"APPROVE"', '"decision":"DENY"');
    expect(forged).not.toBe(vote.bytes);
    expect(await replay(tampered((database) => set(database, vote.no, forged)))).toMatchObject({ identical: false });
  });

  it('knows no other execution', async () => {
    const io = testIo();
    const unknown = replayCommand({ execution: 'exe_unknown', data: house.dataDir, json: true }, io);
    await expect(unknown).rejects.toMatchObject({ code: 'not_found' });
  });
});
