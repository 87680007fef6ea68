import { z } from 'zod';
import type { Journal } from '../../journal/journal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { CONFIRMATIONS_NEEDED, requireAnother, type Word } from '../access/another-person.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import {
  CONFIG_STREAM,
  GENERATION_BEGUN,
  generationsIn,
  LOST_CHECKPOINT,
  type Generation,
  type LostCheckpoint,
} from '../audit/generations.ts';
import type { SealedRecord } from '../audit/record.ts';
import type { Answer } from '../service.ts';

/**
 * How a journal that was set back (a restored backup) is taken into use: two people say so, and a new generation of its log
 * begins with a record of what is lost. Until then nothing is done outside and nothing is signed.
 */

/** Tries against others who write about the journal at the same time. */
const MAX_TRIES = 8;

const CONFIRMED = 'journal.recovery_confirmed';

/** What a server found at its start. */
export interface SetBack {
  /** Records of the log that the journal holds, and how many of them a checkpoint of its own covers. */
  readonly size: number;
  readonly signedSize: number;
  readonly lost: readonly LostCheckpoint[];
}

export interface RecoveryService {
  /** The journal, its generation, and what has to be confirmed if anything. */
  read(ctx: CallContext): Promise<Answer>;
  /**
   * Says that the journal is to be used as it is, without what is lost. With the second person's word the new generation
   * begins and the server starts anew.
   * @throws FirebreakError `conflict` when nothing is lost or this person cannot be the second one.
   */
  confirm(ctx: CallContext, input: { readonly reason: string }): Promise<Answer>;
}

const CONFIRMATION = z.looseObject({ by: z.string(), issuedBy: z.string(), lost: z.array(LOST_CHECKPOINT) });
interface Confirmation extends Word {
  readonly at: number;
}

type RecoveryJournal = Pick<Journal, 'id' | 'commit' | 'readStream' | 'view' | 'listViews'>;

/** @param setBack null: the journal is not set back. */
export function createRecoveryService(journal: RecoveryJournal, setBack: SetBack | null): RecoveryService {
  return {
    async read() {
      const records = await journal.readStream(CONFIG_STREAM);
      return answer(generationsIn(records.map(({ record }) => record)), confirmationsIn(records, setBack));
    },

    async confirm(ctx, { reason }) {
      if (setBack === null)
        throw new FirebreakError('conflict', 'The journal was not set back: there is nothing to confirm');
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const records = await journal.readStream(CONFIG_STREAM);
        const generations = generationsIn(records.map(({ record }) => record));
        if (isOver(generations, setBack))
          throw new FirebreakError('conflict', 'Two people have confirmed it already: the server starts anew');
        const before = confirmationsIn(records, setBack);
        await requireAnother(journal, before, ctx.principal);
        const own = { by: ctx.principal.userId, issuedBy: ctx.principal.keyIssuedBy, at: ctx.now };
        const confirmations = [...before, own];
        const base = { v: 1, at: ctx.now, trace: recordedTrace(ctx) } as const;
        const { by, issuedBy } = own;
        const drafts = [{ ...base, type: CONFIRMED, data: { by, issuedBy, reason, lost: setBack.lost } }];
        const begun = {
          generation: (generations.at(-1)?.generation ?? 1) + 1,
          size: setBack.size,
          signedSize: setBack.signedSize,
          lost: setBack.lost,
          confirmedBy: confirmations.map((each) => each.by),
        };
        const isEnough = confirmations.length >= CONFIRMATIONS_NEEDED;
        const append = {
          stream: CONFIG_STREAM,
          expectedSeq: records.at(-1)?.record.seq ?? 0,
          records: isEnough ? [...drafts, { ...base, type: GENERATION_BEGUN, data: begun }] : drafts,
        };
        const [result] = await journal.commit([{ appends: [append] }]);
        if (result?.status !== 'applied') continue;
        return answer(isEnough ? [...generations, begun] : generations, confirmations);
      }
      throw new FirebreakError('overloaded', 'Others keep writing about the journal: try again');
    },
  };

  function answer(generations: readonly Generation[], confirmations: readonly Confirmation[]): Answer {
    const over = setBack === null || isOver(generations, setBack);
    const state = setBack === null ? 'IN_USE' : over ? 'RESTARTING' : 'RECOVERED';
    const recovery =
      setBack === null
        ? null
        : {
            ...setBack,
            needed: CONFIRMATIONS_NEEDED,
            confirmations: confirmations.map(({ by, at }) => ({ by, at: new Date(at).toISOString() })),
          };
    const generation = generations.at(-1)?.generation ?? 1;
    return { data: { id: journal.id, generation, state, recovery } };
  }
}

/** Whether what is lost has been taken for lost since the server looked. */
export function isOver(generations: readonly Generation[], { lost }: SetBack): boolean {
  const named = new Set(generations.flatMap((generation) => generation.lost.map(nameOf)));
  return lost.every((checkpoint) => named.has(nameOf(checkpoint)));
}

/** Those about exactly this loss: after another restored backup everybody has to look again. */
function confirmationsIn(records: readonly SealedRecord[], setBack: SetBack | null): readonly Confirmation[] {
  if (setBack === null) return [];
  const wanted = JSON.stringify(setBack.lost.map(nameOf));
  return records.flatMap(({ record }) => {
    const parsed = record.type === CONFIRMED ? CONFIRMATION.safeParse(record.data) : null;
    if (parsed?.success !== true) return [];
    const { by, issuedBy, lost } = parsed.data;
    return JSON.stringify(lost.map(nameOf)) === wanted ? [{ by, issuedBy, at: record.at }] : [];
  });
}

function nameOf({ origin, size, root }: LostCheckpoint): string {
  return `${origin} ${size} ${root}`;
}
