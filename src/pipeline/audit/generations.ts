import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { origin, type Checkpoint, type LogIdentity } from './checkpoint.ts';
import type { JournalRecord } from './record.ts';
import { noteKey } from './signed-note.ts';
import type { LogKey } from './verify-checkpoints.ts';

/**
 * The lives of one journal. The first begins with it; the next one when a copy that is older than what was published (a
 * restored backup) is taken into use. Each has an origin of its own for its checkpoints, so that the log never says two
 * things under one name.
 */

/** The stream of the records about the journal itself. */
export const CONFIG_STREAM = 'config';
/** Type of the record with which a generation begins. */
export const GENERATION_BEGUN = 'journal.generation_begun';

/** As records hold it. */
export const LOST_CHECKPOINT = z.strictObject({
  anchor: z.string(),
  origin: z.string(),
  size: z.int(),
  root: z.string(),
});

/** A published checkpoint of records that the journal no longer holds, and who showed it. */
export type LostCheckpoint = Readonly<z.infer<typeof LOST_CHECKPOINT>>;

const BEGUN = z.looseObject({ generation: z.int(), signedSize: z.int(), lost: z.array(LOST_CHECKPOINT) });

export interface Generation {
  readonly generation: number;
  /** What the checkpoints of the generation before cover at most; its own cover more. */
  readonly signedSize: number;
  /** What was lost when it began. */
  readonly lost: readonly LostCheckpoint[];
}

/** All generations that the records of the `config` stream tell of, the first one first. Never throws. */
export function generationsIn(
  records: readonly Pick<JournalRecord, 'type' | 'data'>[],
): readonly [Generation, ...Generation[]] {
  const begun = records.flatMap(({ type, data }): Generation[] => {
    const parsed = type === GENERATION_BEGUN ? BEGUN.safeParse(data) : null;
    return parsed?.success === true ? [parsed.data] : [];
  });
  return [{ generation: 1, signedSize: 0, lost: [] }, ...begun];
}

/** The same, read from a journal. */
export async function readGenerations(journal: {
  readStream(stream: string): Promise<readonly { readonly record: JournalRecord }[]>;
}): Promise<readonly [Generation, ...Generation[]]> {
  return generationsIn((await journal.readStream(CONFIG_STREAM)).map(({ record }) => record));
}

/** The origin of the present generation's log. */
export function presentOrigin(log: Omit<LogIdentity, 'generation'>, generations: readonly Generation[]): string {
  return origin(log.journalId, { accelerated: log.accelerated, generation: generations.at(-1)?.generation ?? 1 });
}

/** The key as each generation's checkpoints are signed with it, and for which sizes of the log. */
export function logKeysOf(
  { journalId, accelerated }: Omit<LogIdentity, 'generation'>,
  generations: readonly Generation[],
  publicKey: KeyObject,
): readonly LogKey[] {
  return generations.map(({ generation, signedSize }, index) => ({
    ...noteKey(origin(journalId, { accelerated, generation }), publicKey),
    fromSize: index === 0 ? 0 : signedSize + 1,
    toSize: generations[index + 1]?.signedSize ?? null,
  }));
}

/** Whether it is of records that two people have taken for lost, so that its absence says nothing new. */
export function isKnownLost({ origin: name, size }: Checkpoint, generations: readonly Generation[]): boolean {
  return generations.some(({ lost, signedSize }) =>
    lost.some((checkpoint) => checkpoint.origin === name && size > signedSize && size <= checkpoint.size),
  );
}
