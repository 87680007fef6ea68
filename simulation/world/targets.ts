import { z } from 'zod';
import {
  ConnectorError,
  type ActionContext,
  type ActionDeclaration,
  type ActionHandler,
  type ActionTarget,
  type JsonObject,
} from '../../src/pipeline/actions/contract.ts';
import { TAKEN_BACK } from '../../src/platform/http-error.ts';
import { cellsOf, type Cells, type Marks } from './cells.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/**
 * How long after its time limit a call may still take effect, in ms. The engine counts on 5 s; here it is less by
 * what the engine may take to notice that the caller is gone, which it does not count.
 */
const STRAGGLES_MS = 4_900;

/** Longest time that a request waits for its connection, in ms. */
const QUEUED_MS = 3_000;

export type CallKind = 'observe' | 'perform' | 'verify' | 'check' | 'undo';

/** One call as the wire sees it. `tag` names the execution and the action without asking the engine. */
export interface Call {
  readonly kind: CallKind;
  readonly tag: string;
  readonly key: string;
  /** The key of the call that made the effect. */
  readonly effectKey: string;
  readonly target: ActionTarget;
  readonly declaration: ActionDeclaration;
  readonly host: string;
  /** Aborted when the caller has given up: nothing may be sent after that. */
  readonly signal: AbortSignal;
}

/** What is wrong with the outside systems, of a thousand calls. */
export interface TargetWeather {
  /** The reply is lost after the effect, or the request before it. */
  lost: number;
  /** The effect lands later, perhaps when nobody waits for it any more. */
  late: number;
  /** The same for undos. */
  lateUndo: number;
  /** 429 and 5xx: nothing was done. */
  busy: number;
  /** Refused for good. */
  refused: number;
  /** Delivered twice by the network, where the target can tell. */
  twice: number;
  /** A changing request waits in its process for a connection, perhaps until it is not to be sent any more. */
  queued: number;
  /** A read that cannot tell, or does not show yet what was done within the settling time. */
  blurred: number;
}

export interface Targets {
  readonly cells: Cells;
  /** The handler for the calls of one process, or null when nobody has such an action. */
  handlerOf(host: Host, type: string, connector: string): ActionHandler | null;
  /** Makes an action type known. */
  offer(declaration: ActionDeclaration): void;
  /** Requests that may still take effect. */
  readonly underWay: number;
  /** Called when a call is sent, before anything of it arrives. */
  onSend: (call: Call) => void;
  /** Called when a call is on its way to its target (1), and when it has arrived there (-1). */
  onTravel: (call: Call, change: 1 | -1) => void;
  /** Called when an answer says for sure that nothing was done. */
  onAnswer: (call: Call, definite: boolean) => void;
}

export interface TargetPorts {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly random: Random;
  readonly weather: TargetWeather;
  readonly marks: Marks;
  /** Business time, ms since 1970. */
  wall(): number;
}

const parameters = z.object({ tag: z.string(), timeoutMs: z.number(), settleMs: z.number() });
type Parameters = z.infer<typeof parameters>;

type Fate = 'fine' | 'lost_request' | 'lost_reply' | 'reset' | 'late' | 'busy' | 'refused' | 'twice';

/** Outside systems, honest about their class: what was done to them is kept apart from what they answered. */
export function createTargets(ports: TargetPorts): Targets {
  const { scheduler, trace, random, weather } = ports;
  const cells = cellsOf({ scheduler, trace, wall: ports.wall, marks: ports.marks });
  const offered = new Map<string, ActionDeclaration>();
  let underWay = 0;

  function fateOf({ kind, declaration }: Call): Fate {
    const writes = kind === 'perform' || kind === 'undo';
    if (random.chance(weather.busy)) return 'busy';
    if (random.chance(weather.refused)) return 'refused';
    if (random.chance(weather.lost)) return random.pick(['lost_request', 'lost_reply', 'reset']);
    if (writes && random.chance(kind === 'perform' ? weather.late : weather.lateUndo)) return 'late';
    if (writes && declaration.idempotency !== 'none' && random.chance(weather.twice)) return 'twice';
    return 'fine';
  }

  function arrives(delayUs: number, call: Call, act: () => void): void {
    underWay += 1;
    targets.onTravel(call, 1);
    scheduler.after(delayUs, `${call.kind} ${call.tag} arrives`, () => {
      underWay -= 1;
      targets.onTravel(call, -1);
      act();
    });
  }

  /**
   * When the copy of a call arrives. A target that knows keys may get it at any time. One that does not gets it before
   * its answer leaves: nobody could defend himself against a copy that is acted upon after the answer.
   */
  function copyUs({ declaration }: Call, there: number, limitUs: number): number {
    return declaration.idempotency === 'native-key' && random.chance(500) ? random.between(there, limitUs) : there;
  }

  /** A multiple of a coarse grain, so that answers of calls that work side by side often come at one moment. */
  const way = (): number => (random.chance(50) ? random.between(20, 900) * 1_000 : random.below(8) * 2_000);

  /** @param begunAt when the handler was called: its time limit counts from there, also while a request waits for a connection. */
  function exchange<Answer>(host: Host, call: Call, given: Parameters, begunAt: number, work: () => Answer) {
    trace.add(`${host.name} sends ${call.kind} ${call.tag} ${call.key.slice(0, 8)}`);
    targets.onSend(call);
    const fate = fateOf(call);
    const limitUs = begunAt + (given.timeoutMs + STRAGGLES_MS) * 1_000 - scheduler.now;
    return new Promise<Answer>((resolve, reject) => {
      const answer = (label: string, act: () => void) => void host.deliver(way(), `${label} ${call.tag}`, act);
      const fail = (code: string, retryable: boolean, resultUnknown: boolean, retryAfterMs: number | null = null) =>
        reject(new ConnectorError(code, `simulated ${code}`, { retryable, resultUnknown, retryAfterMs }));
      switch (fate) {
        case 'lost_request':
          return;
        case 'busy': {
          const retryAfterMs = random.chance(500) ? random.between(1, 4) * 1_000 : null;
          return answer('busy', () => {
            targets.onAnswer(call, true);
            fail('rate_limited', true, false, retryAfterMs);
          });
        }
        case 'refused':
          return answer('refused', () => fail('refused', false, false));
        case 'late':
          // The caller hears of a broken connection at once, or hears nothing.
          if (random.chance(400)) answer('reset', () => fail('connection_lost', true, true));
          return arrives(random.between(0, limitUs), call, () => void work());
        default:
      }
      const there = way();
      let isUnsent = false;
      const copy = (): void => {
        if (!isUnsent) work();
      };
      if (fate === 'twice') arrives(copyUs(call, there, limitUs), call, copy);
      // A µs after its copy, so that no answer leaves before both are there.
      arrives(there + 1, call, () => {
        const value = work();
        isUnsent = isNothingSent(value);
        if (fate === 'lost_reply') return;
        if (fate === 'reset') answer('reset', () => fail('connection_lost', true, true));
        else answer(`${call.kind} answers`, () => resolve(value));
      });
    });
  }

  const queue = random.fork('queue');

  /** Asks as a client does that has just got its connection. */
  function connected<Answer>(host: Host, call: Call, maySend: () => boolean, send: () => Promise<Answer>) {
    if (!queue.chance(weather.queued)) return send();
    return new Promise<Answer>((resolve, reject) => {
      host.deliver(queue.below(QUEUED_MS) * 1_000, `${call.kind} ${call.tag} is connected`, () => {
        if (maySend()) return void send().then(resolve, reject);
        const known = { retryable: true, resultUnknown: false };
        reject(new ConnectorError(TAKEN_BACK, 'simulated: not to be sent any more', known));
      });
    });
  }

  const targets: Targets = {
    cells,
    get underWay() {
      return underWay;
    },
    onSend: () => undefined,
    onTravel: () => undefined,
    onAnswer: () => undefined,
    offer: ({ ...declaration }) => void offered.set(`${declaration.type}|${declaration.connector}`, declaration),
    handlerOf(host, type, connector) {
      const declaration = offered.get(`${type}|${connector}`);
      if (declaration === undefined) return null;
      const calls =
        <Answer>(kind: CallKind, work: (call: Call, given: Parameters) => Answer) =>
        (
          target: ActionTarget,
          raw: unknown,
          { idempotencyKey: key, effectKey, signal, maySend }: ActionContext,
        ): Promise<Answer> => {
          const given = parameters.parse(raw);
          const tag = `${given.tag}@${target.id}`;
          const call = { kind, tag, key, effectKey, target, declaration, signal, host: host.name };
          const begunAt = scheduler.now;
          const send = (): Promise<Answer> => exchange(host, call, given, begunAt, () => work(call, given));
          const changes = kind === 'perform' || kind === 'undo';
          return changes ? connected(host, call, maySend, send) : send();
        };
      const observe = calls('observe', (call) => ({ value: cells.read(call) }));
      const perform = calls('perform', (call) => cells.perform(call));
      const verify = calls('verify', (call, { settleMs }) => {
        const blurred = random.chance(weather.blurred);
        if (blurred && random.chance(200)) return { says: 'unknown' as const, digest: '' };
        return { says: cells.verify(call, blurred ? settleMs : 0), digest: 'd' };
      });
      const check = calls('check', () => {
        return { state: random.pick(['pending', 'pending', 'passed', 'failed'] as const) };
      });
      const undo: ActionHandler['undo'] = (target, raw, prior, outcome, context) =>
        calls('undo', (call) => cells.undo(call, valueOf(prior), outcome))(target, raw, context);
      return {
        declaration,
        parameters,
        perform: (target, raw, _prior, context) => perform(target, raw, context),
        // What a handler has follows from its declaration, as the contract says.
        ...(declaration.holds === null ? {} : { observe }),
        ...(declaration.readBack
          ? { verify: (target, raw, _prior, _outcome, context) => verify(target, raw, context) }
          : {}),
        ...(declaration.reversibility === 'undo' ? { undo } : {}),
        ...(declaration.waits ? { check: (target, raw, _outcome, context) => check(target, raw, context) } : {}),
      } satisfies ActionHandler;
    },
  };
  return targets;
}

/** Whether a handler looked first and saw that it is so already: what it did not send cannot come twice. */
function isNothingSent(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'changed' in answer && answer.changed === false;
}

/** What an undo restores. */
function valueOf(prior: JsonObject | null): string {
  const value = prior?.['value'];
  return typeof value === 'string' ? value : 'open';
}
