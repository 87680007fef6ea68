import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startAuthority, type LocalAuthority } from '../../tests/support/time-stamp-authority.ts';
import { groupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { openLogKeeper } from '../journal/log-keeper.ts';
import { loadLogKey } from '../journal/log-key.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { steeredClock } from '../platform/clock.ts';
import { realMachine } from '../platform/machine.ts';
import { safeHttp } from '../platform/safe-http.ts';
import { openStamping, STAMP_INTERVAL_MS, stampsOfLog, type Stamping } from './stamping.ts';
import { timeStampAuthority, type TimeStampAuthority } from './time-stamp-authority.ts';
import { openTimeStamp } from './time-stamp.ts';

const START = Date.UTC(2026, 10, 21);

let local: LocalAuthority;
let usual: LocalAuthority['answer'];
const http = { current: safeHttp() };
beforeAll(async () => {
  local = await startAuthority();
  usual = local.answer;
  http.current = safeHttp({ allow: [new URL(local.url).host] });
});
afterAll(async () => {
  await http.current.close();
  await local.stop();
});

let folder: string;
let journal: Journal;
let now = 0;
const complaints: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-stamping-'));
  journal = openSqliteJournal({
    file: join(folder, 'journal.sqlite'),
    birth: { id: 'jrn_test', at: START, accelerated: false },
  });
  now = 0;
  complaints.length = 0;
});
afterEach(async () => {
  local.answer = usual;
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});

function authority(): TimeStampAuthority {
  const randomBytes = (size: number): Uint8Array => Buffer.alloc(size, 0x55);
  return timeStampAuthority({
    url: local.url,
    roots: [local.root],
    http: http.current,
    randomBytes,
    wallNow: () => Date.now(),
  });
}

/** Waits pass at once, in machine time of their own; `meanwhile` is called before each. */
function open(meanwhile: () => void = () => undefined): Promise<Stamping> {
  const machine = {
    turn: async () => undefined,
    sleep: async (ms: number) => {
      now += ms;
      meanwhile();
    },
    after: () => () => undefined,
  };
  const onError = (thrown: unknown): void => void complaints.push(thrown);
  const committer = groupCommitter(journal, realMachine);
  return openStamping({
    authority: authority(),
    journal,
    committer,
    now: () => START,
    monotonic: () => now,
    machine,
    onError,
  });
}

async function write(name: string): Promise<void> {
  const records = [{ type: 'config.changed', v: 1, at: START, data: { name } }];
  const [result] = await journal.commit([{ appends: [{ stream: `test/${name}`, expectedSeq: 0, records }] }]);
  expect(result?.status).toBe('applied');
}

async function keepLog(stamping: Stamping): Promise<void> {
  const key = loadLogKey(join(folder, 'key.pem'));
  const keeper = await openLogKeeper(journal, key, steeredClock(START), [(note) => stamping.offer(note)]);
  await keeper.keep(true);
}

it('stamps the newest checkpoint, and keeps the token as a record that can be checked for ever', async () => {
  const stamping = await open();
  await write('a');
  await keepLog(stamping);
  expect(await stamping.stampNow()).toBe(true);
  const [stamp, ...more] = await stampsOfLog(journal, 10);
  expect(more).toEqual([]);
  expect(stamp).toMatchObject({ size: 2, note: (await journal.log.checkpoints(1)).at(-1)?.note });
  const data = Buffer.from(stamp?.note ?? '');
  expect(await openTimeStamp(stamp?.token ?? data, data, { roots: [local.root], nonce: null })).toMatchObject({
    ok: true,
  });
});

it('does not stamp its own record, and stamps again when there is news', async () => {
  const stamping = await open();
  await write('a');
  await keepLog(stamping);
  await stamping.stampNow();
  await keepLog(stamping);
  await stamping.stampNow();
  expect(await stampsOfLog(journal, 10)).toHaveLength(1);
  // Nor does one that was just started.
  const again = await open();
  await again.stampNow();
  expect(await stampsOfLog(journal, 10)).toHaveLength(1);
  await write('b');
  await keepLog(again);
  await again.stampNow();
  expect((await stampsOfLog(journal, 10)).map(({ size }) => size)).toEqual([2, 4]);
  expect(await stampsOfLog(journal, 1)).toHaveLength(1);
});

it('asks once an hour, goes on asking an authority that is away, and says for how long nobody stamped', async () => {
  const closing = new AbortController();
  const seen: number[] = [];
  local.answer = (_, response) => response.writeHead(503).end();
  let waits = 0;
  const stamping = await open(() => {
    waits += 1;
    seen.push(stamping.unstampedMs());
    if (waits === 6) local.answer = usual;
    if (waits === 20) closing.abort();
  });
  await write('a');
  await keepLog(stamping);
  await stamping.run(closing.signal);
  expect(complaints).toHaveLength(3);
  expect(String(complaints[0])).toContain('it answered 503');
  expect(Math.max(...seen)).toBeGreaterThan(60_000);
  expect(stamping.unstampedMs()).toBe(0);
  expect(await stampsOfLog(journal, 10)).toHaveLength(1);

  await write('b');
  await keepLog(stamping);
  const before = local.asked();
  const [soon, later] = [new AbortController(), new AbortController()];
  const stop = now + STAMP_INTERVAL_MS / 2;
  const half = await open(() => (now >= stop ? soon.abort() : undefined));
  // The one that stamped waits for its hour; one that was just started does not know when the last stamp was.
  expect(stamping.unstampedMs()).toBeGreaterThanOrEqual(0);
  await half.run(soon.signal);
  expect(local.asked()).toBe(before + 1);
  await write('c');
  await keepLog(half);
  later.abort();
  await half.run(later.signal);
  expect(local.asked()).toBe(before + 1);
});
