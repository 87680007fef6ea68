/**
 * The moments between a decision, its commit and its effect, by name. What decides, commits or calls says that it has come
 * to one; a test listens, stops the process there for good, and sees what the next one makes of it.
 */
export const CRASH_POINTS = [
  // Every commit of a process.
  /** Decided; nothing of it is written. */
  'commit.decided',
  /** The commit that it shares with others is about to begin. */
  'commit.begun',
  /** On disk; nobody has been told. */
  'commit.durable',

  // Executions.
  /** Inputs are recorded, and nothing that they demand has begun. */
  'input.recorded',
  /** What they demand has begun, and who handed them in has not been told. */
  'input.launched',
  /** A child execution is on disk and has not begun. */
  'start.recorded',
  /** Timers are known to be due and have not been handed in. */
  'timers.read',
  /** Effects of somebody who is gone are this process's now, and nothing has been done about them. */
  'takeover.claimed',
  /** One that was under way is recorded as interrupted, and has not begun again. */
  'takeover.interrupted',

  // Effects.
  /** Held, and about to begin. */
  'effect.begun',
  /** The children of a fan-out are there, and their parent does not know. */
  'children.started',
  /** An execution's end was told to its parent or incident, and it does not know. */
  'end.told',
  'observe.send',
  'observe.answered',
  'perform.send',
  'perform.answered',
  'verify.send',
  'verify.answered',
  'check.send',
  'check.answered',
  'undo.send',
  'undo.answered',

  // Intake.
  /** Events, findings, incidents and executions are on disk; no execution has begun. */
  'batch.recorded',
  /** The executions have begun; who sent the events has not been told. */
  'batch.launched',
  /** An execution is owed the news of its incident. */
  'news.owed',
  /** It was told, or is over; whether a follow-up is due has not been looked at. */
  'news.told',
  /** A follow-up is on disk and has not begun. */
  'follow-up.recorded',

  // The Merkle log.
  /** Records have been given their places, in memory. */
  'log.planned',
  /** Their places are on disk. */
  'log.placed',
  /** A checkpoint is signed and not stored. */
  'checkpoint.signed',
  /** It is stored and not published. */
  'checkpoint.stored',
  /** It is published; who keeps the log has not taken note. */
  'checkpoint.published',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Who listens at the points. */
export interface CrashPoints {
  /**
   * Called when the process comes to a point. Undefined: go on at once, without as much as a micro-task. A promise is
   * waited for; one that never resolves stops what came to the point.
   */
  at(point: CrashPoint): Promise<void> | undefined;
}

/** Nobody listens: what every process outside of tests has. */
export const NO_CRASH_POINTS: CrashPoints = { at: () => undefined };
