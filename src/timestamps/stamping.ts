import { z } from 'zod';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { parseCheckpointText, type Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { parseNote } from '../pipeline/audit/signed-note.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import type { Machine } from '../platform/machine.ts';
import type { TimeStampAuthority } from './time-stamp-authority.ts';

/**
 * Time stamps of the log: once an hour an authority outside says that the newest checkpoint existed. The token becomes a
 * record of its own, so that it goes where the log goes: to every replica, copy, export and bundle.
 */

/** The stream of the records about time stamps. */
export const TIME_STAMP_STREAM = 'timestamps';
export const TIME_STAMPED = 'log.timestamped';

/** Least time between two stamps of the log, in ms: authorities are asked 24 times a day, which free ones bear. */
export const STAMP_INTERVAL_MS = 3_600_000;
/** The longest that the log may lie unstamped before the server calls itself unwell, in ms: two stamps missed. */
export const MAX_UNSTAMPED_MS = 3 * STAMP_INTERVAL_MS;
/** How often it is looked whether a stamp is due, in ms of machine time. */
const POLL_MS = 1_000;
/** Pause after a failure, in ms, doubled up to the second: an authority that is away is not hurried. */
const FIRST_PAUSE_MS = 15_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

const STAMPED = z.looseObject({ note: z.string(), size: z.int(), genTime: z.int(), token: z.string() });

/** One stamp as its record holds it. */
export interface StampOfLog {
  /** The checkpoint that was stamped: these bytes, in UTF-8, are the token's data. */
  readonly note: string;
  readonly size: number;
  readonly genTime: number;
  /** DER. */
  readonly token: Buffer;
}

/** The stamps that the journal holds, oldest first; `newest` of them. */
export async function stampsOfLog(
  journal: Pick<Journal, 'streamHead' | 'readStream'>,
  newest: number,
): Promise<readonly StampOfLog[]> {
  const head = await journal.streamHead(TIME_STAMP_STREAM);
  if (head === null) return [];
  const records = await journal.readStream(TIME_STAMP_STREAM, Math.max(0, head.seq - newest));
  return records.flatMap(({ record }) => {
    const parsed = STAMPED.safeParse(record.data);
    if (!parsed.success) return [];
    const { note, size, genTime, token } = parsed.data;
    return [{ note, size, genTime, token: Buffer.from(token, 'base64') }];
  });
}

export interface StampingPorts {
  readonly authority: TimeStampAuthority;
  readonly journal: Pick<Journal, 'streamHead' | 'readStream' | 'log' | 'shared'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  /** Business time, for the record. */
  readonly now: () => number;
  /** Machine time, monotonic, in ms. */
  readonly monotonic: () => number;
  readonly machine: Machine;
  readonly onError: (thrown: unknown) => void;
}

export interface Stamping {
  /** Takes a new checkpoint; answers at once and never fails, so that the log waits for nobody. */
  offer(note: string): Promise<void>;
  /** How long a checkpoint with news has waited for its stamp, in ms; 0 when nothing does. */
  unstampedMs(): number;
  /** Stamps what is due until `closing`. */
  run(closing: AbortSignal): Promise<void>;
  /** One attempt, whatever the interval says: false when it failed, and `onError` was told. Never throws. */
  stampNow(): Promise<boolean>;
}

interface Waiting {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

export async function openStamping(ports: StampingPorts): Promise<Stamping> {
  const { authority, journal, monotonic } = ports;
  let stampedSize = (await stampsOfLog(journal, 1)).at(-1)?.size ?? 0;
  let waiting: Waiting | null = null;
  let since: number | null = null;
  /** Machine time of the last stamp: a process that was just started does not know, and stamps when it has news. */
  let stampedAt: number | null = null;

  function take(note: string): void {
    const parsed = parseNote(note);
    const checkpoint = parsed === null ? null : parseCheckpointText(parsed.text);
    // The record of a stamp is itself a leaf: alone it is no news, or an idle log would be stamped for ever.
    if (checkpoint === null || checkpoint.size <= stampedSize + 1) return;
    waiting = { note, checkpoint };
    since ??= monotonic();
  }

  async function stamp({ note, checkpoint }: Waiting): Promise<void> {
    const { token, stamp: said } = await authority.stamp(Buffer.from(note));
    const { origin, size, root } = checkpoint;
    const data = { origin, size, root, note, ...said, askedAt: authority.name, token: token.toString('base64') };
    const head = await journal.streamHead(TIME_STAMP_STREAM);
    const result = await ports.committer.submit({
      appends: [
        {
          stream: TIME_STAMP_STREAM,
          expectedSeq: head?.seq ?? 0,
          records: [{ type: TIME_STAMPED, v: 1, at: ports.now(), data }],
        },
      ],
    });
    if (result.status !== 'applied') {
      throw new FirebreakError('conflict', 'another process stamped the log at the same moment');
    }
    stampedSize = size;
  }

  async function stampNow(): Promise<boolean> {
    const item = waiting;
    if (item === null) return true;
    try {
      await stamp(item);
    } catch (thrown) {
      ports.onError(new Error(`${authority.name}: ${messageOf(thrown)}`, { cause: thrown }));
      return false;
    }
    stampedAt = monotonic();
    // What came meanwhile waits from now on.
    const later = waiting?.note;
    waiting = null;
    since = null;
    if (later !== undefined && later !== item.note) take(later);
    return true;
  }

  // What the last run left unstamped. Of several processes only the one that keeps the log stamps, when it is offered more.
  const newest = journal.shared ? undefined : (await journal.log.checkpoints(1)).at(-1);
  if (newest !== undefined) take(newest.note);
  return {
    offer: async (note) => take(note),
    unstampedMs: () => (since === null ? 0 : Math.max(0, Math.round(monotonic() - since))),
    stampNow,
    async run(closing) {
      let pause = FIRST_PAUSE_MS;
      while (!closing.aborted) {
        const due = stampedAt === null || monotonic() - stampedAt >= STAMP_INTERVAL_MS;
        if (!due || (await stampNow())) pause = FIRST_PAUSE_MS;
        else {
          await ports.machine.sleep(pause, closing);
          pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
        }
        await ports.machine.sleep(POLL_MS, closing);
      }
    },
  };
}
