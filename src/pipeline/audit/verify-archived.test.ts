import { describe, expect, it } from 'vitest';
import {
  at,
  generateLog,
  LOG_ORIGIN,
  LOG_START,
  signingKey,
  stored,
  waitingOf,
} from '../../../tests/support/generated-log.ts';
import { archivedStreamsIn, type ArchivedStream } from './archived.ts';
import { signCheckpoint } from './checkpoint.ts';
import { frontierRoot, EMPTY_FRONTIER, leafHash } from './merkle.ts';
import { FIRST_PREV, sealRecord, type JournalRecord, type SealedRecord } from './record.ts';
import { compareNames, planPositions } from './sequencer.ts';
import { verifyLog, type Verification } from './verify.ts';

const base = generateLog({ streams: 4, records: 24, batch: 24, unsequenced: 0 });
/** Every stream but the one that says which are archived. */
const streamsHere = [...new Set(base.records.map(({ record }) => record.stream))].filter(
  (stream) => stream !== 'config',
);
const gone = at(streamsHere, 0);

function recordsOf(stream: string): readonly SealedRecord[] {
  return base.records.filter(({ record }) => record.stream === stream);
}

function archivedOf(stream: string): ArchivedStream {
  const own = recordsOf(stream);
  const last = at(own, own.length - 1);
  return { stream, records: own.length, hash: last.hash, leaf: leafHash(last.bytes) };
}

/** The record that says which streams lie in an archive. */
function claimOf(streams: readonly object[], change: Partial<JournalRecord> = {}): SealedRecord {
  // Plain data, whose type is narrower than JSON's.
  const data = { archive: 'x', streams: JSON.parse(JSON.stringify(streams)) as [] };
  const before = recordsOf('config').at(-1);
  const link = { seq: (before?.record.seq ?? 0) + 1, prev: before?.hash ?? FIRST_PREV };
  const record = { at: LOG_START + 1_000_000, data, stream: 'config', type: 'journal.archived', v: 1, ...link };
  return sealRecord({ ...record, ...change });
}

/** The log with such a record at its end, signed as a whole or only `covered` leaves of it, and without `missing`. */
function verifyWith(
  claim: SealedRecord,
  missing: (record: JournalRecord) => boolean,
  covered = base.leaves.length + 1,
): Promise<Verification> {
  const { signing, key } = signingKey();
  const rows = [...base.leaves, waitingOf(claim)];
  const { leaves } = planPositions(EMPTY_FRONTIER, rows);
  const { frontier } = planPositions(EMPTY_FRONTIER, rows.slice(0, covered));
  const note = signCheckpoint({ origin: LOG_ORIGIN, size: covered, root: frontierRoot(frontier) }, signing);
  const records = [...base.records, claim].filter(({ record }) => !missing(record));
  records.sort((a, b) => compareNames(a.record, b.record));
  const log = { records: records.map(stored), leaves, unsequenced: [], checkpoints: [note] };
  return verifyLog(log, { keys: [key], now: LOG_START });
}

const ofGone = ({ stream }: JournalRecord): boolean => stream === gone;

describe('a stream that lies in an archive', () => {
  it('need not be here when a signed record says so', async () => {
    const result = await verifyWith(claimOf([archivedOf(gone)]), ofGone);
    expect(result).toMatchObject({ verdict: 'intact', archivedStreams: 1, counts: { streams: 3, leaves: 25 } });
  });

  it('may be several', async () => {
    const claim = claimOf(streamsHere.map(archivedOf));
    const result = await verifyWith(claim, ({ stream }) => stream !== 'config');
    expect(result).toMatchObject({ verdict: 'intact', archivedStreams: 3, counts: { streams: 1 } });
  });

  it('must be here when nobody says so', async () => {
    const result = await verifyWith(claimOf([archivedOf(at(streamsHere, 1))]), ofGone);
    expect(result).toMatchObject({ verdict: 'changed', firstBad: { stream: gone, seq: 1 }, archivedStreams: 0 });
  });

  it('must be here when the record that says so is not signed yet', async () => {
    const result = await verifyWith(claimOf([archivedOf(gone)]), ofGone, 24);
    expect(result).toMatchObject({ verdict: 'changed', firstBad: { stream: gone, seq: 1 }, archivedStreams: 0 });
  });

  it('is gone as a whole or not at all: one record that is still here, or a last one that is not its last', async () => {
    const count = recordsOf(gone).length;
    expect(count).toBeGreaterThan(2);
    for (let kept = 1; kept <= count; kept += 1) {
      const result = await verifyWith(claimOf([archivedOf(gone)]), (record) => ofGone(record) && record.seq !== kept);
      expect(result).toMatchObject({ verdict: 'changed', archivedStreams: 0 });
      expect(result.firstBad).toMatchObject({ stream: gone, seq: kept === 1 ? 2 : 1 });
    }
    const claims: object[] = [
      { ...archivedOf(gone), records: count + 1 },
      { ...archivedOf(gone), records: count - 1 },
      { ...archivedOf(gone), leaf: leafHash('x') },
      { ...archivedOf(gone), stream: 'nobody' },
    ];
    for (const claim of claims) {
      expect(await verifyWith(claimOf([claim]), ofGone)).toMatchObject({ verdict: 'changed', archivedStreams: 0 });
    }
  });

  it('may still be here as a whole', async () => {
    const result = await verifyWith(claimOf([archivedOf(gone)]), () => false);
    expect(result).toMatchObject({ verdict: 'intact', archivedStreams: 0 });
  });
});

describe('the record that names archived streams', () => {
  const one = archivedOf(gone);

  it('is told by stream, type and version', () => {
    expect(archivedStreamsIn(claimOf([one]).bytes)).toEqual([one]);
    for (const change of [{ stream: 'access' }, { type: 'journal.opened' }, { v: 2 }]) {
      expect(archivedStreamsIn(claimOf([one], change).bytes)).toEqual([]);
    }
  });

  it('says nothing where it has not the form, and what else it says stands', () => {
    const wrong = [
      { ...one, stream: '' },
      { ...one, stream: 7 },
      { ...one, records: 0 },
      { ...one, records: '3' },
      { ...one, hash: 'x' },
      { ...one, leaf: one.leaf.toUpperCase() },
      [one],
      {},
    ];
    expect(archivedStreamsIn(claimOf([...wrong, one]).bytes)).toEqual([one]);
    for (const text of ['', '7', 'null', '[]', '{"stream":"config","type":"journal.archived","v":1}']) {
      expect(archivedStreamsIn(text)).toEqual([]);
    }
  });
});
