import { describe, expect, it } from 'vitest';
import {
  at,
  generateLog,
  LOG_ORIGIN,
  LOG_START,
  partsOf,
  replaced,
  signingKey,
  stored,
  waitingOf,
  type Parts,
} from '../../../tests/support/generated-log.ts';
import { signCheckpoint } from './checkpoint.ts';
import { EMPTY_FRONTIER, appendLeaves, frontierRoot, leafHash } from './merkle.ts';
import { sealRecord, type JournalRecord, type SealedRecord } from './record.ts';
import { compareNames, planPositions, type RecordName } from './sequencer.ts';
import { verifyLog, type Verification, type VerifyOptions } from './verify.ts';
import type { StoredRecord } from './verify-record.ts';

const log = generateLog({ streams: 6, records: 60, batch: 9, unsequenced: 5 });
const NOW = LOG_START + 1_000_000;

function verify(changed: Parts = {}, options: Partial<VerifyOptions> = {}): Promise<Verification> {
  return verifyLog(partsOf(log, changed), { keys: log.keys, now: NOW, ...options });
}

function positionOf({ stream, seq }: RecordName): number | null {
  return log.leaves.find((leaf) => leaf.stream === stream && leaf.seq === seq)?.position ?? null;
}

function bad(name: RecordName): NonNullable<Verification['firstBad']> {
  return { stream: name.stream, seq: name.seq, position: positionOf(name) };
}

/** The one of several records that comes first in the log. */
function earliest(...names: readonly RecordName[]): RecordName {
  const placed = [...names].sort(
    (a, b) =>
      (positionOf(a) ?? Number.MAX_SAFE_INTEGER) - (positionOf(b) ?? Number.MAX_SAFE_INTEGER) || compareNames(a, b),
  );
  return at(placed, 0);
}

/** The log with record `index` rewritten and all later ones of its stream chained anew, as a forger would. */
function forged(index: number, change: Partial<JournalRecord>): SealedRecord[] {
  const target = at(log.records, index);
  let prev = target.record.prev;
  return log.records.map((sealed) => {
    if (sealed.record.stream !== target.record.stream || sealed.record.seq < target.record.seq) return sealed;
    const next = sealRecord({ ...sealed.record, ...(sealed === target ? change : {}), prev });
    prev = next.hash;
    return next;
  });
}

/** Everything before "the columns beside the bytes": the same records as an export holds them. */
const bare: readonly StoredRecord[] = log.records.map(({ bytes }) => ({ bytes }));
const everyRecord = log.records.map((sealed, index) => ({ index, name: sealed.record }));

describe('a log that nobody touched', () => {
  it('is intact, with or without the columns beside the bytes', async () => {
    const expected: Verification = {
      verdict: 'intact',
      firstBad: null,
      problem: null,
      counts: { streams: 6, records: 60, leaves: 55, unsequenced: 5, checkpoints: 7 },
      archivedStreams: 0,
      coveredSize: 55,
      anchoredSize: 0,
      oldestUnsequencedAgeMs: 1_000_000 - 55 * 250,
    };
    expect(await verify()).toEqual(expected);
    expect(await verify({ records: bare })).toEqual(expected);
    expect(await verify({ records: bare.map(({ bytes }) => ({ bytes: Buffer.from(String(bytes)) })) })).toEqual(
      expected,
    );
  });

  it('may come as asynchronous iterables and in any size', async () => {
    async function* slowly<T>(items: Iterable<T>): AsyncGenerator<T> {
      yield* items;
    }
    for (const records of [1, 2, 9, 2_500]) {
      const other = generateLog({ streams: 40, records, batch: 170, unsequenced: 0 });
      const parts = partsOf(other);
      const streamed = { records: slowly(parts.records as StoredRecord[]), leaves: slowly(other.leaves) }; // an array, see partsOf
      const result = await verifyLog({ ...parts, ...streamed }, { keys: other.keys, now: NOW });
      expect(result).toMatchObject({ verdict: 'intact', coveredSize: records, oldestUnsequencedAgeMs: null });
    }
  });

  it('is not anchored without a checkpoint, or when it is empty', async () => {
    expect(await verify({ checkpoints: [] })).toMatchObject({
      verdict: 'not_anchored',
      firstBad: null,
      coveredSize: 0,
    });
    const empty = await verifyLog(
      { records: [], leaves: [], unsequenced: [], checkpoints: [] },
      { keys: [], now: NOW },
    );
    expect(empty.verdict).toBe('not_anchored');
  });
});

describe('one record that was changed', () => {
  it.each(everyRecord)('is named ($index)', async ({ index, name }) => {
    const original = at(log.records, index);
    const other = sealRecord({ ...original.record, data: { ...original.record.data, n: -1 } });
    for (const record of [stored(other), { ...stored(original), bytes: other.bytes }, { bytes: other.bytes }]) {
      const base = record.stream === undefined ? bare : log.records.map(stored);
      const result = await verify({ records: replaced(base, index, record) });
      expect(result).toMatchObject({ verdict: 'changed', firstBad: bad(name) });
      const fault =
        record.hash === original.hash ? 'has another hash than the one stored beside it' : 'does not hash to its leaf';
      expect(result.problem).toBe(`Record ${name.stream} #${name.seq} ${fault}.`);
    }
  });

  it.each([3, 58].map((index) => ({ index })))('is named for each of its bytes ($index)', async ({ index }) => {
    const bytes = Buffer.from(at(log.records, index).bytes);
    const name = at(log.records, index).record;
    // One signature is enough here, and a thousand runs are not slowed by seven.
    const checkpoints = [at(log.checkpoints, -1).note];
    for (let place = 0; place < bytes.length; place += 1) {
      for (const flip of [1, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[place] = at([...bytes], place) ^ flip;
        expect(await verify({ checkpoints, records: replaced(bare, index, { bytes: changed }) })).toMatchObject({
          verdict: 'changed',
          firstBad: bad(name),
        });
        const withColumns = replaced(log.records.map(stored), index, {
          ...stored(at(log.records, index)),
          bytes: changed,
        });
        expect(await verify({ checkpoints, records: withColumns })).toMatchObject({
          verdict: 'changed',
          firstBad: bad(name),
        });
      }
    }
  });

  it.each(everyRecord)(
    'is named when the whole stream behind it was chained anew ($index)',
    async ({ index, name }) => {
      const result = await verify({ records: forged(index, { data: { forged: true } }).map(stored) });
      expect(result).toMatchObject({ verdict: 'changed', firstBad: bad(name) });
    },
  );

  it('is found by its columns alone', async () => {
    for (const { index, name } of everyRecord) {
      const record = stored(at(log.records, index));
      const wrongHash = await verify({
        records: replaced(log.records.map(stored), index, { ...record, hash: leafHash('x') }),
      });
      expect(wrongHash).toMatchObject({ verdict: 'changed', firstBad: bad(name) });
      expect(wrongHash.problem).toContain('hash');
    }
  });

  it('is the first in the log when there are several, whatever their streams', async () => {
    for (let index = 0; index + 25 < 60; index += 1) {
      const [a, b] = [at(log.records, index), at(log.records, index + 25)];
      const rows = log.records.map(stored);
      const wrong = leafHash('x');
      const records = replaced(replaced(rows, index, { ...stored(a), hash: wrong }), index + 25, {
        ...stored(b),
        hash: wrong,
      });
      expect(await verify({ records })).toMatchObject({ firstBad: bad(earliest(a.record, b.record)) });
    }
  });
});

describe('records that were removed', () => {
  it.each(everyRecord)('are named ($index)', async ({ index, name }) => {
    for (const records of [replaced(log.records.map(stored), index), replaced(bare, index)]) {
      const result = await verify({ records });
      expect(result.firstBad).toEqual(bad(name));
      expect(['changed', 'truncated']).toContain(result.verdict);
      expect(result.problem).toContain('missing');
    }
  });

  it.each([0, 1, 9, 30, 54].map((size) => ({ size })))(
    'are a truncation when all from one place on are gone ($size)',
    async ({ size }) => {
      const kept = new Set(log.leaves.slice(0, size).map(({ stream, seq }) => `${stream} ${seq}`));
      const records = log.records.filter(({ record }) => kept.has(`${record.stream} ${record.seq}`)).map(stored);
      const cut = at(log.leaves, size);
      const expected = { verdict: 'truncated', firstBad: { stream: cut.stream, seq: cut.seq, position: size } };
      expect(await verify({ records })).toMatchObject(expected);
      const withRows = await verify({ records, leaves: log.leaves.slice(0, size), unsequenced: [] });
      expect(withRows).toMatchObject({ verdict: 'truncated', firstBad: { stream: null, seq: null, position: size } });
    },
  );

  it('are not noticed when leaves and checkpoints went too, unless a checkpoint was kept elsewhere', async () => {
    const size = 18;
    const kept = new Set(log.leaves.slice(0, size).map(({ stream, seq }) => `${stream} ${seq}`));
    const parts = {
      records: log.records.filter(({ record }) => kept.has(`${record.stream} ${record.seq}`)).map(stored),
      leaves: log.leaves.slice(0, size),
      unsequenced: [],
      checkpoints: log.checkpoints.slice(0, 2).map(({ note }) => note),
    };
    expect((await verify(parts)).verdict).toBe('intact');
    const anchors = [at(log.checkpoints, 4).note];
    const anchored = await verify(parts, { anchors });
    expect(anchored).toMatchObject({ verdict: 'truncated', firstBad: { stream: null, seq: null, position: size } });
    expect(await verify({}, { anchors })).toMatchObject({ verdict: 'intact', anchoredSize: 45 });
  });

  it('are named when the log does not know of them: a gap among unsequenced records', async () => {
    const { stream, seq } = at(log.unsequenced, 0);
    const without = log.unsequenced.slice(1);
    const follows = without.some((record) => record.stream === stream);
    const index = log.records.findIndex(({ record }) => record.stream === stream && record.seq === seq);
    const result = await verify({ unsequenced: without, records: replaced(log.records.map(stored), index) });
    // The newest record of a stream, gone with its row, cannot be missed by anybody: README, limits.
    expect(result.verdict).toBe(follows ? 'changed' : 'intact');
    const listed = await verify({ unsequenced: without });
    expect(listed).toMatchObject({ verdict: 'changed', firstBad: { stream, seq, position: null } });
    expect(listed.problem).toBe(`Record ${stream} #${seq} has no leaf and is not listed as unsequenced.`);
  });
});

describe('records that were swapped', () => {
  const pairs: [number, number][] = [];
  for (let index = 0; index + 1 < log.records.length; index += 1) pairs.push([index, index + 1]);
  for (let index = 0; index < 60; index += 1) pairs.push([index, (index * 17 + 23) % 60]);
  const different = pairs.filter(([a, b]) => a !== b).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

  it.each(different)('in an export are named by the first place that is wrong (%i, %i)', async (a, b) => {
    const records = replaced(replaced(bare, a, at(bare, b)), b, at(bare, a));
    const name = at(log.records, a).record;
    expect(await verify({ records })).toMatchObject({
      verdict: 'changed',
      firstBad: { stream: name.stream, seq: name.seq },
    });
  });

  it.each(different)(
    'in the journal, bytes under other columns, are named by the first in the log (%i, %i)',
    async (a, b) => {
      const [one, two] = [at(log.records, a), at(log.records, b)];
      const rows = log.records.map(stored);
      const records = replaced(
        replaced(rows, a, { ...stored(two), stream: one.record.stream, seq: one.record.seq }),
        b,
        {
          ...stored(one),
          stream: two.record.stream,
          seq: two.record.seq,
        },
      );
      const result = await verify({ records });
      expect(result).toMatchObject({ verdict: 'changed', firstBad: bad(earliest(one.record, two.record)) });
    },
  );
});

describe('an export out of order', () => {
  it('is named by its first wrong place, however many there are', async () => {
    const twice = replaced(replaced(bare, 4, at(bare, 5)), 5, at(bare, 4));
    const more = replaced(replaced(twice, 30, at(bare, 31)), 31, at(bare, 30));
    for (const [records, index] of [
      [more, 4],
      [[...bare].reverse(), 0],
      [[...bare.slice(20), ...bare.slice(0, 20)], 0],
    ] as const) {
      const { stream, seq } = at(log.records, index).record;
      const result = await verify({ records });
      expect(result).toMatchObject({ verdict: 'changed', firstBad: { stream, seq } });
      expect(result.problem).toContain('does not stand where it belongs');
    }
  });
});

describe('records that were added', () => {
  it.each(everyRecord)('are named: a repeat ($index)', async ({ index, name }) => {
    const records = replaced(bare, index, at(bare, index), at(bare, index));
    expect(await verify({ records })).toMatchObject({
      verdict: 'changed',
      firstBad: { stream: name.stream, seq: name.seq },
    });
  });

  it('are named: at the end of a stream, chained rightly, without a leaf', async () => {
    for (const stream of new Set(log.records.map(({ record }) => record.stream))) {
      const last = at(
        log.records.filter(({ record }) => record.stream === stream),
        -1 + log.records.filter(({ record }) => record.stream === stream).length,
      );
      const added = sealRecord({ ...last.record, seq: last.record.seq + 1, prev: last.hash });
      const records = [...log.records, added].sort((x, y) => compareNames(x.record, y.record)).map(stored);
      const expected = { verdict: 'changed', firstBad: { stream, seq: added.record.seq, position: null } };
      expect(await verify({ records })).toMatchObject(expected);
    }
  });

  it('are found when they were given a leaf within a signed size: later leaves moved', async () => {
    const first = at(log.records, 0);
    const added = sealRecord({ ...first.record, stream: 'forged', seq: 1 });
    const leaves = replaced(log.leaves, 20, { ...waitingOf(added), position: 20 }, at(log.leaves, 20)).map(
      (leaf, position) => ({ ...leaf, position }),
    );
    const records = [...log.records, added].sort((x, y) => compareNames(x.record, y.record)).map(stored);
    const result = await verify({ records, leaves });
    // The checkpoint of size 18 still matches and that of 27 does not: the difference lies at 18 to 26.
    const expected = { stream: at(log.leaves, 18).stream, seq: at(log.leaves, 18).seq, position: 18 };
    expect(result).toMatchObject({ verdict: 'changed', firstBad: expected });
    expect(result.problem).toContain('positions 18 to 26');
  });

  it('cannot be told from real ones behind the last checkpoint, but are not covered', async () => {
    const added = sealRecord({ ...at(log.records, 0).record, stream: 'zzz', seq: 1 });
    const result = await verify({
      records: [...log.records, added].map(stored),
      leaves: [...log.leaves, { ...waitingOf(added), position: 55 }],
    });
    expect(result).toMatchObject({ verdict: 'intact', coveredSize: 55, counts: { leaves: 56 } });
  });
});

describe('a record and its leaf that were rewritten together', () => {
  it.each(everyRecord.slice(0, 55))('are named by the chain, or by the checkpoint ($index)', async ({ index }) => {
    const original = at(log.records, index);
    const other = sealRecord({ ...original.record, data: { forged: true } });
    const row = (rows: readonly { stream: string; seq: number; leafHash: string }[]) =>
      rows.map((leaf) =>
        leaf.stream === original.record.stream && leaf.seq === original.record.seq
          ? { ...leaf, leafHash: leafHash(other.bytes) }
          : leaf,
      );
    const leaves = row(log.leaves).map((leaf, position) => ({ ...leaf, position }));
    const result = await verify({
      records: replaced(log.records.map(stored), index, stored(other)),
      leaves,
      unsequenced: row(log.unsequenced),
    });
    const position = positionOf(original.record);
    const last = !log.records.some(
      ({ record }) => record.stream === original.record.stream && record.seq > original.record.seq,
    );
    if (!last) expect(result).toMatchObject({ verdict: 'changed', firstBad: bad(original.record) });
    else if (position !== null) {
      // Nothing follows it in its stream: the checkpoint tells among which nine places the difference lies.
      const start = position - (position % 9);
      expect(result).toMatchObject({ verdict: 'changed', firstBad: { position: start } });
    } else expect(result.verdict).toBe('intact');
  });

  it('blames the record whose prev was changed, not the one before it', async () => {
    const index = log.records.findIndex(({ record }) => record.stream === 'config' && record.seq === 3);
    const original = at(log.records, index);
    const other = sealRecord({ ...original.record, prev: leafHash('nothing') });
    const leaves = log.leaves.map((leaf) =>
      leaf.stream === 'config' && leaf.seq === 3 ? { ...leaf, leafHash: leafHash(other.bytes) } : leaf,
    );
    const result = await verify({ records: replaced(log.records.map(stored), index, stored(other)), leaves });
    expect(result).toMatchObject({ verdict: 'changed', firstBad: bad(original.record) });
  });
});

describe('a log that was written wrongly', () => {
  /** One stream of its own, placed and signed rightly, whatever its records hold. */
  async function written(records: readonly SealedRecord[]): Promise<Verification> {
    const { signing, key } = signingKey();
    const plan = planPositions(EMPTY_FRONTIER, records.map(waitingOf));
    const note = signCheckpoint(
      { origin: LOG_ORIGIN, size: plan.frontier.size, root: frontierRoot(plan.frontier) },
      signing,
    );
    const parts = { records: records.map(stored), leaves: plan.leaves, unsequenced: [], checkpoints: [note] };
    return verifyLog(parts, { keys: [key], now: NOW });
  }
  const [first, second] = [at(log.records, 0), at(log.records, 1)];

  it('is caught: a first record that names one before it, a step back in time, a gap, text that is not canonical', async () => {
    expect((await written([first, second])).verdict).toBe('intact');
    const orphan = sealRecord({ ...first.record, prev: leafHash('x') });
    expect(await written([orphan])).toMatchObject({ verdict: 'changed', firstBad: { seq: 1 } });
    const earlier = sealRecord({ ...second.record, at: first.record.at - 1 });
    expect(await written([first, earlier])).toMatchObject({ verdict: 'changed', firstBad: { seq: 2, position: 1 } });
    const skipping = sealRecord({ ...second.record, seq: 3 });
    expect(await written([first, skipping])).toMatchObject({
      verdict: 'changed',
      firstBad: { seq: 2, position: null },
    });
    const spaced = { ...first, bytes: first.bytes.replace(',', ', ') };
    const result = await written([{ ...spaced, hash: sealRecord(first.record).hash }]);
    expect(result.problem).toContain('canonical');
  });

  it.each([
    '{}',
    '[]',
    'null',
    '1',
    '',
    '{"stream":"a","seq":1}',
    '{"stream":"a","seq":1.5,"v":1}',
    '{"stream":"","seq":0}',
  ])('never makes the verifier throw: %s', async (bytes) => {
    expect((await verify({ records: [...bare, { bytes }] })).verdict).toBe('changed');
    expect(
      (await verify({ records: [{ bytes, stream: 'access', seq: 1 }, ...log.records.slice(1).map(stored)] })).verdict,
    ).toBe('changed');
  });

  it('is caught: a record that is listed everywhere under a name that its bytes do not say', async () => {
    const { signing, key } = signingKey();
    for (const name of [
      { stream: 'renamed', seq: 1 },
      { stream: first.record.stream, seq: 2 },
    ]) {
      const plan = planPositions(EMPTY_FRONTIER, [{ ...name, leafHash: leafHash(first.bytes) }]);
      const note = signCheckpoint({ origin: LOG_ORIGIN, size: 1, root: frontierRoot(plan.frontier) }, signing);
      const parts = {
        records: [{ ...stored(first), ...name }],
        leaves: plan.leaves,
        unsequenced: [],
        checkpoints: [note],
      };
      const result = await verifyLog(parts, { keys: [key], now: NOW });
      expect(result).toMatchObject({ verdict: 'changed', firstBad: { ...name, position: 0 } });
    }
  });

  it('takes text with an unpaired surrogate or broken UTF-8 for wrong, though its hash would be that of U+FFFD', async () => {
    const made = sealRecord({ ...first.record, data: { text: '\ufffd' } });
    expect((await written([made])).verdict).toBe('intact');
    expect((await written([{ ...made, bytes: made.bytes.replace('\ufffd', '\ud800') }])).verdict).toBe('changed');
    const { signing, key } = signingKey();
    const root = frontierRoot(appendLeaves(EMPTY_FRONTIER, [leafHash(made.bytes)]));
    const note = signCheckpoint({ origin: LOG_ORIGIN, size: 1, root }, signing);
    const broken = Buffer.concat(
      made.bytes
        .split('\ufffd')
        .map((part, i) => Buffer.concat([i > 0 ? Buffer.of(0xff) : Buffer.of(), Buffer.from(part)])),
    );
    const parts = {
      records: [{ bytes: broken }],
      leaves: [{ ...waitingOf(made), position: 0 }],
      unsequenced: [],
      checkpoints: [note],
    };
    expect((await verifyLog(parts, { keys: [key], now: NOW })).verdict).toBe('changed');
  });
});
