import { z } from 'zod';
import { TAKEN_BACK } from '../../src/platform/http-error.ts';
import { ConnectorError, type ActionDeclaration, type ActionHandler } from '../../src/pipeline/actions/contract.ts';

/**
 * A fake outside system for tests of the engine alone, with faults. It keeps what was really done to it apart from
 * what it answers, so that a test can compare both. The real connectors are tested against real servers.
 */
export interface FakeTarget {
  readonly handler: (declaration: ActionDeclaration) => ActionHandler;
  /** Effects as they took place: `perform suspend alice`. A repeat under a known key is counted, not done. */
  readonly effects: string[];
  readonly calls: string[];
  /** Faults for the coming calls of one kind (`perform`, `verify` ...), first one first. */
  failNext(kind: string, fault: Fault): void;
  /** What `check` answers. */
  answer: 'pending' | 'passed' | 'failed';
  /** When set, each call waits for it: the test decides in which order calls end. */
  gate: ((call: string) => Promise<void>) | null;
  /** When set, `perform` sends two requests, each by its permit, and waits for it between them; the second one does it. */
  between: (() => Promise<void>) | null;
  /** When set, each call waits for it once its work is done and before its answer is given. */
  after: ((call: string) => Promise<void>) | null;
}

export type Fault = 'error' | 'refused' | 'lost_reply' | 'unreachable';

function requirePermit(maySend: () => boolean): void {
  if (!maySend()) throw new ConnectorError(TAKEN_BACK, 'not to be sent', { retryable: true, resultUnknown: false });
}

/** A schema is compiled when it is first used, so it is made once. */
const ANY_PARAMETERS = z.looseObject({});

export function fakeTarget(): FakeTarget {
  const faults = new Map<string, Fault[]>();
  const done = new Map<string, string>();
  const undone = new Set<string>();

  async function enter(kind: string, id: string): Promise<Fault | undefined> {
    const call = `${kind} ${id}`;
    target.calls.push(call);
    if (target.gate !== null) await target.gate(call);
    const fault = faults.get(kind)?.shift();
    if (fault === 'error')
      throw new ConnectorError('server_error', 'it failed', { retryable: true, resultUnknown: false });
    if (fault === 'refused')
      throw new ConnectorError('refused', 'it said no', { retryable: false, resultUnknown: false });
    if (fault === 'unreachable')
      throw new ConnectorError('timeout', 'no answer', { retryable: true, resultUnknown: true });
    return fault;
  }

  async function leave<Answer>(kind: string, id: string, answer: Answer): Promise<Answer> {
    if (target.after !== null) await target.after(`${kind} ${id}`);
    return answer;
  }

  const target: FakeTarget = {
    effects: [],
    calls: [],
    answer: 'pending',
    gate: null,
    between: null,
    after: null,
    failNext(kind, fault) {
      faults.set(kind, [...(faults.get(kind) ?? []), fault]);
    },
    handler: (declaration) => ({
      declaration,
      parameters: ANY_PARAMETERS,
      async observe({ id }) {
        await enter('observe', id);
        return leave('observe', id, { suspended: false });
      },
      async perform({ id }, _parameters, _prior, { idempotencyKey, maySend }) {
        const fault = await enter('perform', id);
        if (target.between !== null) {
          requirePermit(maySend);
          await target.between();
          requirePermit(maySend);
        }
        if (!done.has(idempotencyKey)) target.effects.push(`perform ${declaration.type} ${id}`);
        done.set(idempotencyKey, id);
        if (fault === 'lost_reply')
          throw new ConnectorError('timeout', 'reply lost', { retryable: true, resultUnknown: true });
        return leave('perform', id, { done: true });
      },
      async verify({ id }, _parameters, _prior, _outcome, { idempotencyKey }) {
        await enter('verify', id);
        return leave('verify', id, { digest: 'd', says: done.has(idempotencyKey) ? 'holds' : 'absent' });
      },
      async undo({ id }, _parameters, _prior, _outcome, { idempotencyKey }) {
        await enter('undo', id);
        if (!undone.has(idempotencyKey)) target.effects.push(`undo ${declaration.type} ${id}`);
        undone.add(idempotencyKey);
        return leave('undo', id, { result: 'restored', digest: 'd' });
      },
      async check({ id }) {
        await enter('check', id);
        return leave('check', id, { state: target.answer });
      },
    }),
  };
  return target;
}
