import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StoredView } from '../../journal/journal.ts';
import { NOTHING_PAUSED } from '../../../tests/support/never-paused.ts';
import { TAKEN_BACK } from '../../platform/http-error.ts';
import {
  ConnectorError,
  type ActionDeclaration,
  type JsonObject,
  type UndoResult,
  type VerifyResult,
} from '../actions/contract.ts';
import type { Standing } from '../guards/pause-watch.ts';
import { attemptSignals } from './attempt-signals.ts';
import { callTarget, type CallPorts } from './call-target.ts';
import type { AttemptEffect } from './core/demands.ts';
import { HoldLost } from './hold-lost.ts';
import { STRAGGLER_MARGIN_MS } from './straggler.ts';

/** What other executions hold, and whose mark the target shows, when one of them was cut off half-way. */

const PRIOR = { present: null };
const NOW = 100_000;
/** How long the target may show what was before. */
const SETTLE_MS = 2_000;

function effect(kind: 'observe' | 'perform' | 'verify' | 'undo'): AttemptEffect {
  return {
    kind,
    name: `${kind}:suspend:1:1`,
    actionId: 'suspend',
    turn: 0,
    attempt: 1,
    generation: 1,
    connector: 'fake',
    actionType: 'ACCOUNT_SUSPEND',
    target: { type: 'user', id: 'alice' },
    parameters: {},
    prior: PRIOR,
    reply: null,
    key: 'ours',
    effectKey: 'ours',
    startedAt: 0,
    timeoutMs: 1_000,
    readBack: true,
    holds: 'account.suspended',
  };
}

const DECLARATION: ActionDeclaration = {
  type: 'ACCOUNT_SUSPEND',
  connector: 'fake',
  targetType: 'user',
  idempotency: 'native-key',
  reversibility: 'undo',
  readBack: true,
  settleMs: SETTLE_MS,
  waits: false,
  holds: 'account.suspended',
  contains: true,
};

/** A process that holds its effect, and a journal without holds. */
const quietPorts = (): CallPorts => ({
  journal: { listViews: async () => ({ items: [], total: 0 }) },
  members: {
    processId: 'prc_1',
    holds: () => true,
    beat: async () => undefined,
    withTarget: (_target, work) => work(),
  },
  machine: { turn: async () => undefined, sleep: async () => undefined, after: () => () => undefined },
  isStopped: async () => false,
  handlerFor: () => null,
  closing: new AbortController().signal,
  clock: { now: () => NOW, monotonic: () => 0 },
  pause: NOTHING_PAUSED,
});

/** The hold of another execution. */
function holdOf(key: string, prior: JsonObject): StoredView {
  const body = { executionId: `exe_${key}`, actionId: 'suspend', key, prior, performedAfter: 0 };
  return { id: `exe_${key}|suspend`, version: 1, at: 0, body };
}

/** What the row of a hold says of its execution besides. */
function marked(hold: StoredView, mark: 'isBeingUndone' | 'isUnsettled'): StoredView {
  return { ...hold, body: { ...Object(hold.body), [mark]: true } };
}

/** What a flag shows: that it is set, and by nobody. */
const FLAG = 'a flag';
/** What shows at a target that cannot tell. */
const SILENT = 'silent';

/** Calls a target that shows the mark of `shown`, while others have these holds; `landing` shows only once it was read. */
async function call(
  kind: 'observe' | 'verify' | 'undo',
  shown: string | null,
  holds: readonly StoredView[],
  landing: string | null = null,
) {
  const undone: string[] = [];
  let present = shown;
  const ports: CallPorts = {
    ...quietPorts(),
    journal: { listViews: async () => ({ items: [...holds], total: holds.length }) },
    handlerFor: () => ({
      declaration: DECLARATION,
      parameters: z.looseObject({}),
      async observe() {
        const before = present;
        present = landing ?? present;
        return { present: before };
      },
      perform: async () => ({}),
      async verify(_target, _parameters, _prior, _outcome, { effectKey }): Promise<VerifyResult> {
        if (present === SILENT) return { says: 'unknown', digest: '' };
        const says = present === null ? 'absent' : present === FLAG || present === effectKey ? 'holds' : 'foreign';
        return { says, digest: 'd' };
      },
      async undo(): Promise<UndoResult> {
        undone.push('undo');
        return { result: 'restored', digest: 'd' };
      },
    }),
  };
  const signals = attemptSignals(ports.closing, ports.machine);
  const held = { executionId: 'exe_ours', effect: effect(kind), holder: 'prc_1' };
  const answer = await callTarget(ports, signals, held);
  return { answer, undone };
}

describe('a call that was cut off, and finds the effect of another execution', () => {
  it('shares its hold, with the state that was before the first of them', async () => {
    const prior = { present: null };
    const { answer } = await call('verify', 'theirs', [holdOf('theirs', prior)]);
    expect(answer).toEqual({
      type: 'verified',
      result: { says: 'foreign', digest: 'd', prior, heldBy: 'exe_theirs', heldAs: { key: 'theirs', since: 0 } },
    });
  });

  it('does not share a hold that is being undone: what the target shows will be gone, and is as good as nothing', async () => {
    const { body, ...hold } = holdOf('theirs', { present: null });
    const leaving = { ...hold, body: { ...Object(body), isBeingUndone: true } };
    const { answer } = await call('verify', 'theirs', [leaving]);
    expect(answer).toEqual({ type: 'verified', result: { says: 'absent', digest: 'd' } });
  });

  it('says that somebody else did it when no execution holds it', async () => {
    const { answer } = await call('verify', 'theirs', []);
    expect(answer).toEqual({ type: 'verified', result: { says: 'foreign', digest: 'd' } });
  });
});

describe('a call whose process is taken for dead while its requests wait for a connection', () => {
  /**
   * Calls a target by requests that each ask whether they may go out. Counted from 0, at the one `losing` the effect is lost, at
   * the one `pausing` somebody pauses.
   */
  async function send(requests: number, losing: number, pausing = requests, as: Standing = 'paused'): Promise<unknown> {
    let holder = 'prc_1';
    let standing: Standing = 'open';
    const takenBack = { retryable: true, resultUnknown: false };
    const ports: CallPorts = {
      ...quietPorts(),
      members: {
        ...quietPorts().members,
        get processId() {
          return holder;
        },
      },
      pause: { standing: () => standing, look: async () => undefined },
      handlerFor: () => ({
        declaration: DECLARATION,
        parameters: z.looseObject({}),
        async perform(_target, _parameters, _prior, { maySend }) {
          for (let request = 0; request < requests; request += 1) {
            if (request === losing) holder = 'prc_2';
            if (request === pausing) standing = as;
            if (!maySend()) throw new ConnectorError(TAKEN_BACK, 'kept back', takenBack);
          }
          return {};
        },
      }),
    };
    const held = { executionId: 'exe_ours', effect: effect('perform'), holder: 'prc_1' };
    return callTarget(ports, attemptSignals(ports.closing, ports.machine), held);
  }

  it('was never sent: nothing is said about it, and whoever holds it begins it', async () => {
    await expect(send(1, 0)).rejects.toBeInstanceOf(HoldLost);
  });

  it('may have done something by its first request: what became of it is not known', async () => {
    expect(await send(2, 1)).toMatchObject({
      type: 'performed',
      result: { error: { code: TAKEN_BACK, resultUnknown: true } },
    });
  });

  it('is kept back by a pause, and says whether a request of it was sent before', async () => {
    expect(await send(1, 1, 0).catch((thrown: unknown) => thrown)).toMatchObject({ name: 'KeptBack', begun: false });
    expect(await send(2, 2, 1).catch((thrown: unknown) => thrown)).toMatchObject({ name: 'KeptBack', begun: true });
  });

  it('is somebody else’s when both are true: what is lost cannot be kept back', async () => {
    await expect(send(1, 0, 0)).rejects.toBeInstanceOf(HoldLost);
  });

  it('is begun again where nobody knows whether everything is paused', async () => {
    await expect(send(1, 1, 0, 'unknown')).rejects.toBeInstanceOf(HoldLost);
  });

  it('goes through while the effect is held', async () => {
    expect(await send(2, 2)).toEqual({ type: 'performed', result: { outcome: {} } });
  });
});

describe('a call whose time is over', () => {
  /** How long it may still take effect, in ms, where its last request went out so long after its time had begun; null: none went out. */
  async function landing(sentAfterMs: number | null): Promise<unknown> {
    let machineMs = 500;
    let giveUp: () => void = () => undefined;
    const ports: CallPorts = {
      ...quietPorts(),
      clock: { now: () => NOW, monotonic: () => machineMs },
      machine: {
        ...quietPorts().machine,
        after(_ms, act) {
          giveUp = act;
          return () => undefined;
        },
      },
      handlerFor: () => ({
        declaration: DECLARATION,
        parameters: z.looseObject({}),
        perform(_target, _parameters, _prior, { maySend }) {
          machineMs = 500 + (sentAfterMs ?? 0);
          if (sentAfterMs !== null) maySend();
          machineMs = 500 + effect('perform').timeoutMs;
          giveUp();
          return new Promise<never>(() => undefined);
        },
      }),
    };
    const held = { executionId: 'exe_ours', effect: effect('perform'), holder: 'prc_1' };
    const answer = await callTarget(ports, attemptSignals(ports.closing, ports.machine), held);
    return 'mayLandForMs' in answer ? answer.mayLandForMs : null;
  }

  it('may take effect for its time limit and the margin from its last request on: reads and waits came before that', async () => {
    expect(await landing(0)).toBe(STRAGGLER_MARGIN_MS);
    expect(await landing(900)).toBe(900 + STRAGGLER_MARGIN_MS);
  });

  it('counts from its end where nobody knows when it was sent', async () => {
    expect(await landing(null)).toBe(effect('perform').timeoutMs + STRAGGLER_MARGIN_MS);
  });
});

describe('a look at the state before', () => {
  const theirPrior = { present: null };

  it("finds another execution's hold, and shares it with the state that was before it", async () => {
    const { answer } = await call('observe', 'theirs', [holdOf('theirs', theirPrior)]);
    expect(answer).toMatchObject({ result: { prior: theirPrior, heldBy: 'exe_theirs' } });
  });

  it('takes what was before a hold that is being undone, and shares nothing: it will be gone', async () => {
    const { body, ...hold } = holdOf('theirs', theirPrior);
    const { answer } = await call('observe', 'theirs', [{ ...hold, body: { ...Object(body), isBeingUndone: true } }]);
    expect(answer).toEqual({ type: 'observed', result: { prior: theirPrior, heldBy: null } });
  });

  it('finds the hold of a call that lands while it looks, and does not take it for what was before', async () => {
    const { answer } = await call('observe', null, [holdOf('theirs', theirPrior)], 'theirs');
    expect(answer).toMatchObject({ result: { prior: theirPrior, heldBy: 'exe_theirs' } });
  });

  it('shares a hold whose answer is still to come where the target shows whose it is', async () => {
    const { answer } = await call('observe', 'theirs', [marked(holdOf('theirs', theirPrior), 'isUnsettled')]);
    expect(answer).toMatchObject({ result: { heldBy: 'exe_theirs' } });
  });

  it('shares none of those where the target remembers nobody, and takes what was before it', async () => {
    const { answer } = await call('observe', FLAG, [marked(holdOf('theirs', { present: 'x' }), 'isUnsettled')]);
    expect(answer).toEqual({ type: 'observed', result: { prior: { present: 'x' }, heldBy: null } });
    const settled = await call('observe', FLAG, [holdOf('theirs', theirPrior)]);
    expect(settled.answer).toMatchObject({ result: { heldBy: 'exe_theirs' } });
  });

  it('fails, to be repeated, where the target cannot tell whose effect it shows', async () => {
    const { answer } = await call('observe', SILENT, [holdOf('theirs', theirPrior)]);
    expect(answer).toMatchObject({ result: { error: { code: 'cannot_tell', retryable: true, resultUnknown: false } } });
    const undo = await call('undo', SILENT, [holdOf('theirs', theirPrior)]);
    expect([undo.answer, undo.undone]).toMatchObject([{ result: { error: { code: 'cannot_tell' } } }, []]);
  });

  it('takes what it sees when nobody holds it', async () => {
    const { answer } = await call('observe', 'somebody', []);
    expect(answer).toEqual({ type: 'observed', result: { prior: { present: 'somebody' }, heldBy: null } });
  });
});

describe('an undo', () => {
  /** Our own row, as it stands while we undo. */
  const own = { ...holdOf('ours', PRIOR), id: 'exe_ours|suspend' };

  it('leaves what another execution shares', async () => {
    const sharer = { ...holdOf('ours', PRIOR), id: 'exe_theirs|suspend' };
    const { answer, undone } = await call('undo', 'ours', [own, sharer]);
    expect(answer).toMatchObject({ result: { result: 'still_held' } });
    expect(undone).toEqual([]);
  });

  it('leaves what another execution has just read back, although a read may not show it yet', async () => {
    const readBack = (at: number): StoredView => {
      const { body, ...hold } = holdOf('theirs', PRIOR);
      return { ...hold, body: { ...Object(body), readBackAt: at } };
    };
    const fresh = await call('undo', 'ours', [own, readBack(NOW - SETTLE_MS + 1)]);
    expect([fresh.answer, fresh.undone]).toMatchObject([{ result: { result: 'still_held' } }, []]);
    const old = await call('undo', 'ours', [own, readBack(NOW - SETTLE_MS)]);
    expect([old.answer, old.undone]).toMatchObject([{ result: { result: 'restored' } }, ['undo']]);
  });

  it('takes back what another execution has only looked at, although both found the same before', async () => {
    const { undone } = await call('undo', 'ours', [own, holdOf('theirs', PRIOR)]);
    expect(undone).toEqual(['undo']);
  });

  it('leaves what the target shows as the effect of another execution', async () => {
    const theirs = holdOf('theirs', { present: null });
    const { answer } = await call('undo', 'theirs', [theirs]);
    expect(answer).toMatchObject({ result: { result: 'still_held' } });
  });

  it.each(['isUnsettled', 'isBeingUndone'] as const)('of a flag waits for no execution that %s', async (mark) => {
    const { answer, undone } = await call('undo', FLAG, [own, marked(holdOf('theirs', PRIOR), mark)]);
    expect([answer, undone]).toMatchObject([{ result: { result: 'restored' } }, ['undo']]);
    const relied = await call('undo', FLAG, [own, holdOf('theirs', PRIOR)]);
    expect(relied.answer).toMatchObject({ result: { result: 'still_held' } });
  });

  it('leaves what shows as the effect of an execution that does not know it yet', async () => {
    const { answer } = await call('undo', 'theirs', [own, marked(holdOf('theirs', PRIOR), 'isUnsettled')]);
    expect(answer).toMatchObject({ result: { result: 'still_held' } });
  });

  it('takes back what only it did, though another execution was about to do the same', async () => {
    const cutOff = holdOf('theirs', { present: null });
    const { answer, undone } = await call('undo', 'ours', [cutOff]);
    expect(answer).toMatchObject({ result: { result: 'restored' } });
    expect(undone).toEqual(['undo']);
  });
});
