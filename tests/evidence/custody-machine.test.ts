import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { foldEvidence } from '../../src/pipeline/evidence/custody.ts';
import { statusOfEvidence, type Evidence } from '../../src/pipeline/evidence/evidence.ts';
import { VaultError } from '../../src/pipeline/evidence/vault.ts';
import {
  artifact,
  bytesOf,
  EVIDENCE_START,
  evidenceBed,
  NEVER_ABORTED,
  type EvidenceBed,
} from '../support/evidence.ts';
import { writeCase } from '../support/evidence-case.ts';
import { callOf } from '../support/person.ts';

/*
 * Anything that people and time can do to evidence, in any order, against a model that knows only what has to come of it. Real
 * journal, real files.
 */

const DAY_MS = 24 * 3_600_000;
const TERM_MS = 5 * DAY_MS;
/** Artefacts that a run works on, by the number of each. */
const MOST = 2;

interface Modelled {
  readonly id: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly keptUntil: number;
  counts: Evidence['counts'];
  custodian: string | null;
  isTampered: boolean;
  isAlarmed: boolean;
  isGone: boolean;
  records: number;
}

interface World {
  bed: EvidenceBed;
  readonly artefacts: Modelled[];
  /** Holds that stand, by id: on which artefact, or null for all of the incident. */
  readonly holds: Map<string, { readonly on: string | null }>;
}

const VERBS = ['verify', 'tamper', 'restore', 'transfer', 'download', 'hold', 'holdAll', 'release', 'dispose'] as const;
type Step = readonly [(typeof VERBS)[number] | 'take' | 'restart' | 'days', number];

/** What is refused for one reason is often refused for another: what has to come together comes more often. */
const OFTEN = ['verify', 'dispose', 'days', 'days', 'release', 'restart'] as const;
const steps = fc.array(fc.tuple(fc.constantFrom(...VERBS, ...OFTEN), fc.nat(11)), { minLength: 40, maxLength: 50 });

async function play({ artefacts, holds, ...world }: World, [verb, number]: Step): Promise<EvidenceBed> {
  const { bed } = world;
  const { service, desk, clock } = bed;
  const ada = callOf('ada', clock.now());
  const bob = callOf('bob', clock.now());
  const one = artefacts[number % artefacts.length];
  const isHeld = [...holds.values()].some(({ on }) => on === null || on === one?.id);
  switch (verb) {
    case 'take': {
      if (artefacts.length === MOST) return bed;
      const key = `key-${artefacts.length}`;
      const bytes = Buffer.from(`content of ${key}`);
      const { evidenceId: id, sha256 } = await desk.preserve(artifact({ key }), bytesOf(bytes), NEVER_ABORTED);
      const counts = { accesses: 0, transfers: 0, exports: 0, verifications: 0 };
      const states = { custodian: null, isTampered: false, isAlarmed: false, isGone: false, records: 2 };
      artefacts.push({ id, bytes, sha256, keptUntil: clock.now() + TERM_MS, counts, ...states });
      return bed;
    }
    case 'days':
      clock.advanceTo(clock.now() + number * DAY_MS);
      return bed;
    case 'restart': {
      const next = await bed.again();
      await next.settle();
      return next;
    }
    case 'holdAll': {
      const { holdId } = await desk
        .holdAll({ key: `hold-${number}`, origin: artifact().origin, reason: 'x' })
        .catch(refused);
      // The same hold again is that hold; one that was lifted does not come back.
      if (holdId !== '') holds.set(holdId, { on: null });
      return bed;
    }
    case 'release': {
      const [id, hold] = [...holds][number % Math.max(1, holds.size)] ?? [];
      if (id === undefined || hold === undefined) return bed;
      // What a person has set, another one lifts.
      if (hold.on !== null) await expect(service.release(ada, { id, reason: 'x' })).rejects.toThrow('another person');
      await service.release(bob, { id, reason: 'x' });
      holds.delete(id);
      return bed;
    }
    default:
  }
  if (one === undefined) return bed;
  const { id } = one;
  switch (verb) {
    case 'hold': {
      const { data } = await service.hold(ada, { scope: { type: 'evidence', id }, reason: 'x' });
      const { holdId } = data;
      if (typeof holdId === 'string') holds.set(holdId, { on: id });
      return bed;
    }
    case 'tamper':
    case 'restore':
      if (one.isGone) return bed;
      one.isTampered = verb === 'tamper';
      change(bed, one);
      return bed;
    case 'verify': {
      if (one.isGone) await expect(service.examine(ada, { id })).rejects.toMatchObject({ code: 'conflict' });
      else {
        const { data } = await service.examine(ada, { id });
        expect(data['alarm'] !== null).toBe(one.isTampered);
        Object.assign(one, { isAlarmed: one.isTampered, records: one.records + 1 });
        one.counts = { ...one.counts, verifications: one.counts.verifications + 1 };
      }
      return bed;
    }
    case 'transfer': {
      const handedOver = service.transfer(ada, { id, from: 'a', to: `lab ${number}`, reason: 'x', sha256After: null });
      if (one.isGone || one.isTampered) await expect(handedOver).rejects.toMatchObject({ code: 'conflict' });
      else {
        await handedOver;
        Object.assign(one, { custodian: `lab ${number}`, records: one.records + 1 });
        one.counts = { ...one.counts, transfers: one.counts.transfers + 1 };
      }
      return bed;
    }
    case 'download': {
      const got = service.download(ada, { id, reason: 'x' });
      if (one.isGone) await expect(got).rejects.toMatchObject({ code: 'conflict' });
      else {
        const { content } = await got;
        for await (const piece of content) expect(piece.length).toBeGreaterThan(0);
        one.counts = { ...one.counts, accesses: one.counts.accesses + 1 };
        one.records += 1;
      }
      return bed;
    }
    case 'dispose': {
      const gone = service.dispose(bob, { id, witness: 'ada', how: 'destroyed', reason: 'x' });
      if (one.isGone || isHeld || clock.now() < one.keptUntil)
        await expect(gone).rejects.toMatchObject({ code: 'conflict' });
      else {
        expect((await gone).data['status']).toBe('DISPOSED');
        Object.assign(one, { isGone: true, records: one.records + 2 });
      }
      return bed;
    }
    default:
      return bed;
  }
}

function refused(thrown: unknown): { readonly holdId: string } {
  expect(thrown).toMatchObject({ code: 'conflict' });
  return { holdId: '' };
}

function pathOf(
  { vaultFolder }: EvidenceBed,
  { ref, sha256 }: { readonly ref: string; readonly sha256: string },
): string {
  return join(vaultFolder, 'objects', ref.slice(-2), ref, sha256);
}

/** One bit of it, or as it was. */
function change(bed: EvidenceBed, { id: ref, bytes, sha256, isTampered }: Modelled): void {
  const path = pathOf(bed, { ref, sha256 });
  const changed = Buffer.from(bytes);
  if (isTampered) changed[0] = (changed[0] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, changed);
  chmodSync(path, 0o400);
}

async function compare({ bed, artefacts, holds }: World): Promise<void> {
  for (const modelled of artefacts) {
    const { id, counts, custodian, isAlarmed, isGone, records } = modelled;
    const read = (await bed.journal.readStream(`evidence/${id}`)).map(({ record }) => record);
    const state = foldEvidence(read);
    if (state === null || state.integrity === null) throw new Error('what was taken is on record');
    expect((await bed.journal.view('evidence', id))?.body).toEqual(state);
    expect(state).toMatchObject({ counts, custodian, version: records });
    expect([statusOfEvidence(state), state.alarm !== null]).toEqual([isGone ? 'DISPOSED' : 'PRESERVED', isAlarmed]);
    // Times never go back.
    expect(read.map(({ at }) => at)).toEqual(read.map(({ at }) => at).toSorted((left, right) => left - right));
    const address = { ref: id, sha256: state.integrity.sha256 };
    expect(existsSync(pathOf(bed, address))).toBe(!isGone);
    const isHeld = [...holds.values()].some(({ on }) => on === null || on === id);
    if (isGone) continue;
    expect(await bed.vault.stat(address)).toMatchObject({ held: isHeld, retainUntil: state.storage.retainUntil });
    // The store itself keeps what is held, whoever asks it.
    if (isHeld) await expect(bed.vault.destroy(address, EVIDENCE_START + 1e12)).rejects.toThrow(VaultError);
  }
}

it('custody is what the model says, whatever is done to evidence in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const first = await evidenceBed({ env: { EVIDENCE_RETENTION_DAYS: String(TERM_MS / DAY_MS) } });
      try {
        await writeCase(first.journal);
        const world: World = { bed: first, artefacts: [], holds: new Map() };
        // Something to work on from the beginning.
        for (const step of [['take', 0], ['take', 0], ...given] as const) {
          world.bed = await play(world, step);
          await compare(world);
        }
        expect(world.bed.said).toEqual([]);
      } finally {
        await first.stop();
      }
    }),
    // Making a failure smaller costs minutes: it names its steps as it is.
    { numRuns: 10, endOnFailure: true },
  );
});
