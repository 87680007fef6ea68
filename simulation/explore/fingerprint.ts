import type { StoredView } from '../../src/journal/journal.ts';
import type { ActionState, ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { sha256 } from '../../src/platform/hash.ts';
import type { Job, PortAnswer, World } from './state.ts';

/**
 * What of a world decides how it can go on: two with the same print have the same futures, so one of them is enough. Times are
 * told from now, and what nobody asks for is left out: when something ended, how long it ran, what a message said.
 */
export interface Printer {
  print(world: World): string;
  /** The same, to be read. */
  text(world: World): string;
}

/** @param keys short names of the keys. */
export function createPrinter(keys: ReadonlyMap<string, string>, ttlMs: number | null): Printer {
  const short = (key: string | null = null): string | null =>
    key === null ? null : (keys.get(key) ?? unknownKey(key));

  function ofAction(action: ActionState, now: number): unknown {
    const { landsUntil, verifyingSince, settledAt, error, verification } = action;
    const lands =
      landsUntil === null ? null : landsUntil > now ? landsUntil - now : verifyingSince >= landsUntil ? 'read' : 'over';
    return [
      action.phase,
      action.status,
      action.reason === 'already_held',
      action.generation,
      action.attempt,
      action.interruptions,
      action.rereads,
      action.undoAttempt,
      action.undoTriesFrom,
      action.inDoubt,
      action.failing,
      short(action.key),
      action.prior,
      short(action.heldAs?.key),
      action.sent,
      action.reply,
      lands,
      // How long ago the call ended counts only for a target that takes its time to show something.
      action.performedAt !== null,
      error === null ? null : [error.code, error.resultUnknown],
      verification,
      left(action.resumeAt, now),
      ttlMs === null || settledAt === null ? null : left(settledAt + ttlMs, now),
    ];
  }

  function ofExecution(state: ExecutionState, now: number): unknown {
    return [
      state.stopped,
      state.cancel?.compensate ?? null,
      state.compensation?.queue ?? null,
      state.compensated,
      state.ended?.status ?? null,
      Object.values(state.actions).map((action) => ofAction(action, now)),
    ];
  }

  function ofHold({ id, body }: StoredView): unknown {
    // Whatever `change.ts` writes into it counts, but when it was.
    const { key, performedAfter: _, ...more } = body as unknown as Row;
    return [id, short(key), more];
  }

  function ofAnswer(answer: PortAnswer): unknown {
    switch (answer.says) {
      case 'holds':
        return answer.items.map(ofHold);
      case 'value':
        return answer.value;
      case 'error':
        return answer.code;
      default:
        return answer.says;
    }
  }

  function ofJob(job: Job, now: number): unknown {
    const { effect, asks } = job;
    // What it asks follows from what it was answered.
    return [
      job.execution,
      effect.name,
      short(effect.key),
      short(effect.effectKey),
      effect.prior,
      effect.reply,
      job.answers.map(ofAnswer),
      job.arrived,
      job.silent,
      job.lostAt,
      asks.port === 'record' ? null : left(job.deadline, now),
    ];
  }

  function text({ now, executions, holds, jobs, inherited, cell, writes, spent }: World): string {
    const undone = Object.entries(cell.undone).map(([key, result]) => [short(key), result]);
    const loose = writes.map(({ execution, call, until }) =>
      JSON.stringify([
        execution,
        call.kind,
        short(call.key),
        short(call.effectKey),
        call.prior,
        call.reply,
        until - now,
      ]),
    );
    return JSON.stringify([
      executions.map((state) => ofExecution(state, now)),
      holds.map(ofHold),
      jobs.map((job) => JSON.stringify(ofJob(job, now))).sort(),
      inherited.map(({ execution, name }) => `${execution} ${name}`).sort(),
      [cell.value, cell.keys.map(short), cell.seen.map(short), undone.sort()],
      loose.sort(),
      spent,
    ]);
  }

  return { text, print: (world) => sha256(text(world)).toString('latin1', 0, 16) };
}

interface Row {
  readonly key: string;
  readonly performedAfter: number;
}

/** What is due is due. */
function left(moment: number | null, now: number): number | null {
  return moment === null ? null : Math.max(0, moment - now);
}

function unknownKey(key: string): never {
  throw new Error(`a key that cannot occur: ${key}`);
}
