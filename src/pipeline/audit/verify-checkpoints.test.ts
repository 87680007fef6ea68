import { describe, expect, it } from 'vitest';
import {
  at,
  generateLog,
  LOG_ORIGIN,
  LOG_START,
  partsOf,
  replaced,
  signingKey,
  type Parts,
} from '../../../tests/support/generated-log.ts';
import { origin, signCheckpoint } from './checkpoint.ts';
import { EMPTY_ROOT, leafHash, treeRoot } from './merkle.ts';
import type { RecordName } from './sequencer.ts';
import { verifyLog, type Verification, type VerifyOptions } from './verify.ts';

const log = generateLog({ streams: 6, records: 60, batch: 9, unsequenced: 5 });
const notes = log.checkpoints.map(({ note }) => note);
const everyLeaf = log.leaves.map((leaf) => leaf.position);

function verify(changed: Parts = {}, options: Partial<VerifyOptions> = {}): Promise<Verification> {
  return verifyLog(partsOf(log, changed), { keys: log.keys, now: LOG_START, ...options });
}

/** The record at a place of the log, as a finding names it. */
function placed(position: number): RecordName & { position: number } {
  const { stream, seq } = at(log.leaves, position);
  return { stream, seq, position };
}

/** What the log's own key would sign for another log. */
function resigned(size: number, root: string): string {
  return signCheckpoint({ origin: LOG_ORIGIN, size, root }, log.signing);
}

describe('leaf rows', () => {
  it.each(everyLeaf)('that are missing are noticed, and their record is named (%i)', async (position) => {
    const leaves = replaced(log.leaves, position);
    expect(await verify({ leaves })).toMatchObject({ firstBad: placed(position) });
    const renumbered = leaves.map((leaf, place) => ({ ...leaf, position: place }));
    const { stream, seq } = placed(position);
    expect(await verify({ leaves: renumbered })).toMatchObject({ firstBad: { stream, seq } });
  });

  it.each(everyLeaf)('with another hash are noticed, and their record is named (%i)', async (position) => {
    const leaves = replaced(log.leaves, position, { ...at(log.leaves, position), leafHash: leafHash('x') });
    expect(await verify({ leaves })).toMatchObject({ verdict: 'changed', firstBad: placed(position) });
  });

  it.each(everyLeaf)('with another place are noticed, and their record is named (%i)', async (position) => {
    for (const wrong of [position + 1, position - 1, 1_000]) {
      const leaves = replaced(log.leaves, position, { ...at(log.leaves, position), position: wrong });
      expect(await verify({ leaves })).toMatchObject({ verdict: 'changed', firstBad: { position } });
    }
  });

  it.each(everyLeaf.slice(1))('that changed places with another are noticed (%i)', async (position) => {
    const other = (position * 7) % position;
    const [a, b] = [at(log.leaves, other), at(log.leaves, position)];
    const moved = replaced(replaced(log.leaves, other, { ...b, position: other }), position, { ...a, position });
    const result = await verify({ leaves: moved });
    // Every leaf has its record, so only the root tells, and it tells to within one checkpoint.
    expect(result).toMatchObject({ verdict: 'changed', firstBad: { position: other - (other % 9) } });
  });

  it('that cannot be read or come twice are noticed', async () => {
    const unreadable = await verify({
      leaves: replaced<(typeof log.leaves)[number] | { unreadable: string }>(log.leaves, 11, {
        unreadable: 'Line 12 is torn.',
      }),
    });
    expect(unreadable).toMatchObject({ verdict: 'changed', firstBad: placed(11) });
    expect(unreadable.problem).toContain('Line 12 is torn.');
    const twice = await verify({ leaves: [...log.leaves, { ...at(log.leaves, 3), position: 55 }] });
    expect(twice).toMatchObject({ verdict: 'changed', firstBad: { stream: placed(3).stream, seq: placed(3).seq } });
    const both = await verify({ unsequenced: [...log.unsequenced, at(log.leaves, 3)] });
    expect(both).toMatchObject({ verdict: 'changed', firstBad: placed(3) });
    const torn = await verify({ unsequenced: [...log.unsequenced, { unreadable: 'Line 6 is torn.' }] });
    expect(torn).toMatchObject({ verdict: 'changed', firstBad: null, problem: 'Line 6 is torn.' });
  });
});

describe('checkpoints', () => {
  it.each(notes.map((_, index) => index))('with any one character changed are noticed (%i)', async (index) => {
    const note = at(notes, index);
    for (let place = 0; place < note.length; place += 5) {
      const character = note[place] === 'A' ? 'B' : 'A';
      const changed = note.slice(0, place) + character + note.slice(place + 1);
      const result = await verify({ checkpoints: replaced(notes, index, changed) });
      // With a name or id that nobody knows it is a stranger's, which only the last checkpoint can be missed for.
      if (result.verdict === 'intact') expect(index).toBeLessThan(notes.length - 1);
      else expect(['signature_invalid', 'key_unknown']).toContain(result.verdict);
      if (result.verdict !== 'intact') expect(result).toMatchObject({ firstBad: placed(index * 9) });
    }
  });

  it('whose text was changed are never taken for valid', async () => {
    const changes: [string, string][] = [
      ['\n27\n', '\n28\n'],
      ['\n27\n', '\n9007199254740991\n'],
      ['\n\n', '\nextension\n\n'],
    ];
    for (const [from, to] of changes) {
      const result = await verify({ checkpoints: replaced(notes, 2, at(notes, 2).replace(from, to)) });
      expect(result).toMatchObject({ verdict: 'signature_invalid', firstBad: placed(18) });
      expect(result.problem).toContain('Checkpoint 3');
    }
  });

  it.each(notes.map((_, index) => index))('with a wrong root under a true signature show where (%i)', async (index) => {
    const { size } = at(log.checkpoints, index);
    const result = await verify({ checkpoints: replaced(notes, index, resigned(size, EMPTY_ROOT)) });
    expect(result).toMatchObject({ verdict: 'changed', firstBad: placed(index * 9) });
  });

  it('of a longer log show a truncation', async () => {
    const result = await verify({ checkpoints: [...notes, resigned(56, leafHash('x'))] });
    expect(result).toMatchObject({
      verdict: 'truncated',
      firstBad: { stream: null, seq: null, position: 55 },
      coveredSize: 55,
    });
    expect(result.problem).toBe('The log ends after 55 records; checkpoint 8 proves that it had 56.');
  });

  it('out of order, or twice, are noticed', async () => {
    const [first, second, ...rest] = notes;
    expect((await verify({ checkpoints: [second ?? '', first ?? '', ...rest] })).verdict).toBe('changed');
    const twice = await verify({ checkpoints: [first ?? '', ...notes] });
    expect(twice).toMatchObject({
      verdict: 'changed',
      problem: 'Checkpoint 2 (size 9) is not larger than the one before it.',
    });
  });

  it('may be dropped, except the last: what is left covers less', async () => {
    expect(await verify({ checkpoints: notes.slice(3) })).toMatchObject({ verdict: 'intact', coveredSize: 55 });
    expect(await verify({ checkpoints: notes.slice(0, 3) })).toMatchObject({ verdict: 'intact', coveredSize: 27 });
  });

  it('of no form are noticed', async () => {
    for (const note of ['', 'x', 'a\nb\nc\n\n\u2014 a AAAAAAAA\n']) {
      expect((await verify({ checkpoints: [...notes, note] })).verdict).toBe('signature_invalid');
    }
  });
});

describe('keys', () => {
  const stranger = signingKey();

  it('that the verifier does not know prove nothing', async () => {
    const result = await verify({}, { keys: [] });
    expect(result).toMatchObject({ verdict: 'key_unknown', firstBad: placed(0), coveredSize: 0 });
    expect((await verify({}, { keys: [stranger.key] })).verdict).toBe('key_unknown');
  });

  it('of an attacker who signed a rewritten log are unknown', async () => {
    const forged = generateLog({ streams: 6, records: 60, batch: 9, unsequenced: 5, data: () => ({ forged: true }) });
    const result = await verifyLog(partsOf(forged), { keys: log.keys, now: LOG_START });
    expect(result.verdict).toBe('key_unknown');
    // With the true key in the attacker's hands, only a checkpoint that was kept elsewhere tells.
    const checkpoints = forged.checkpoints.map(({ size }) =>
      resigned(size, treeRoot(forged.leaves.slice(0, size).map((leaf) => leaf.leafHash))),
    );
    const stolen = partsOf(forged, { checkpoints });
    expect((await verifyLog(stolen, { keys: log.keys, now: LOG_START })).verdict).toBe('intact');
    const anchored = await verifyLog(stolen, { keys: log.keys, now: LOG_START, anchors: [at(notes, 1), at(notes, 4)] });
    expect(anchored).toMatchObject({ verdict: 'changed', firstBad: { position: 0 }, anchoredSize: 0 });
  });

  it('count for the sizes for which they were in use', async () => {
    const [old] = log.keys;
    if (old === undefined) throw new Error('the log has a key');
    const checkpoints = [
      ...notes.slice(0, 3),
      ...log.checkpoints
        .slice(3)
        .map(({ size }) =>
          signCheckpoint(
            { origin: LOG_ORIGIN, size, root: treeRoot(log.leaves.slice(0, size).map((leaf) => leaf.leafHash)) },
            stranger.signing,
          ),
        ),
    ];
    const rotated = [
      { ...old, toSize: 27 },
      { ...stranger.key, fromSize: 28 },
    ];
    expect((await verify({ checkpoints }, { keys: rotated })).verdict).toBe('intact');
    const early = await verify({ checkpoints }, { keys: [{ ...old, toSize: 26 }, at(rotated, 1)] });
    expect(early).toMatchObject({ verdict: 'signature_invalid', firstBad: placed(18) });
    expect((await verify({ checkpoints }, { keys: [at(rotated, 0), { ...stranger.key, fromSize: 37 }] })).verdict).toBe(
      'signature_invalid',
    );
    // Knowing the new key only is enough: its checkpoints cover all that the old one signed.
    expect((await verify({ checkpoints }, { keys: [at(rotated, 1)] })).verdict).toBe('intact');
    expect((await verify({ checkpoints }, { keys: [at(rotated, 0)] })).verdict).toBe('key_unknown');
  });

  it('of another log say nothing about this one', async () => {
    const elsewhere = origin('jrn_other', { accelerated: false, generation: 1 });
    const note = signCheckpoint({ origin: elsewhere, size: 60, root: EMPTY_ROOT }, log.signing);
    expect((await verify({ checkpoints: [...notes, note] })).verdict).toBe('key_unknown');
  });
});

describe('anchors', () => {
  it('that match raise what is anchored, in any order', async () => {
    expect(await verify({}, { anchors: [at(notes, 3), at(notes, 1)] })).toMatchObject({
      verdict: 'intact',
      anchoredSize: 36,
    });
    expect(await verify({ checkpoints: [] }, { anchors: [at(notes, 1)] })).toMatchObject({
      verdict: 'intact',
      coveredSize: 18,
    });
  });

  it('that do not match show where', async () => {
    const result = await verify({ checkpoints: [] }, { anchors: [at(notes, 1), resigned(30, EMPTY_ROOT)] });
    expect(result).toMatchObject({ verdict: 'changed', firstBad: placed(18), anchoredSize: 18 });
  });

  it('that are broken or by strangers are said to be', async () => {
    expect((await verify({}, { anchors: ['x'] })).problem).toBe('Anchor 1 is not a signed checkpoint.');
    expect((await verify({}, { anchors: [at(notes, 1).replace('\n18\n', '\n19\n')] })).verdict).toBe(
      'signature_invalid',
    );
  });
});
