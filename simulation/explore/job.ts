import type { ActionContext, ActionHandler, JsonObject, UndoResult } from '../../src/pipeline/actions/contract.ts';
import { ConnectorError } from '../../src/pipeline/actions/contract.ts';
import type { AttemptEffect } from '../../src/pipeline/executions/core/demands.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { createPerformer, type PerformerPorts } from '../../src/pipeline/executions/performer.ts';
import type { Runner } from '../../src/pipeline/executions/runner.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import type { VerifyResult } from '../../src/pipeline/actions/contract.ts';
import { z } from 'zod';
import type { Job, PortAnswer, PortCall } from './state.ts';

/** What is known of an effect that goes on: everything but what it asks next. */
export type Resumed = Pick<Job, 'execution' | 'state' | 'effect' | 'beganAt' | 'answers' | 'lostAt'>;

/** Where an effect has come to, or that it ended without a word: its process had been taken for dead. */
export type Reached = { readonly asks: PortCall; readonly limitMs: number; readonly limitFrom: number } | null;

/**
 * Runs the real performer, and by that the real `callTarget`, with the answers that are known, up to the first question
 * that has none yet. Everything below it is promises, so nothing of it waits.
 */
export function runJob(plan: Plan, job: Resumed): Promise<Reached> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let clock = job.beganAt;
    let limit = { limitMs: 0, limitFrom: clock };
    let giveUp: () => void = () => undefined;
    const forever = new Promise<never>(() => undefined);

    /** The answer that is known, or null: then the effect has come as far as it can. */
    function next(asks: PortCall): PortAnswer | null {
      const known = job.answers[asked];
      asked += 1;
      if (known === undefined) {
        resolve({ asks, ...limit });
        return null;
      }
      if (known.says !== 'holds') clock = known.at;
      return known;
    }

    async function outside<Answer>(asks: PortCall): Promise<Answer> {
      const known = next(asks);
      if (known === null) return forever;
      if (known.says === 'value') return known.value as Answer; // made by the model of the target for this very question
      if (known.says === 'error') throw errorOf(known.code);
      // Only when who waits has begun to listen.
      await Promise.resolve();
      giveUp();
      return forever;
    }

    const ports: PerformerPorts = {
      journal: {
        async listViews() {
          const known = next({ port: 'holds' });
          return known?.says === 'holds' ? { items: known.items, total: known.items.length } : forever;
        },
      },
      members: {
        get processId() {
          return isLost() ? 'another' : 'this';
        },
        holds: () => !isLost(),
        beat: async () => undefined,
        withTarget: (_target, work) => work(),
      },
      machine: {
        turn: async () => undefined,
        sleep: () => forever,
        after(limitMs, act) {
          limit = { limitMs, limitFrom: clock };
          giveUp = act;
          return () => undefined;
        },
      },
      // No read is old here: whoever asks is asked what shows now.
      clock: { now: () => Number.MAX_SAFE_INTEGER, monotonic: () => 0 },
      pause: { standing: () => 'open', look: async () => undefined },
      isStopped: async () => false,
      handlerFor: () => handlerOf(plan, outside),
      closing: new AbortController().signal,
      spawn: () => forever,
      reserve: () => forever,
      tellIncident: () => forever,
      maxConcurrentExecutions: 1,
      maxCallsPerConnector: 1,
      onBug: reject,
    };
    /** What it asks while it waits for an answer was asked before; after that answer it is another process's. */
    const isLost = (): boolean => job.lostAt !== null && asked > job.lostAt;

    const runner: Pick<Runner, 'submit'> = {
      submit(_executionId, input) {
        next({ port: 'record', input });
        return forever;
      },
    };
    // The performer hands answers in and does nothing else with a runner as long as not too much is under way.
    const launcher = createPerformer(ports)(runner as Runner);
    launcher.launch({ plan, state: job.state, seq: 0, trace: undefined }, job.effect);
    // Who is taken for dead may end without a word, after all promises that are ready.
    if (job.lostAt !== null) setImmediate(() => setImmediate(() => resolve(null)));
  });
}

const ANYTHING = z.looseObject({});

type Outside = <Answer>(asks: PortCall) => Promise<Answer>;

function handlerOf(plan: Plan, outside: Outside): ActionHandler {
  const declaration = plan.stages[0]?.actions[0]?.declaration;
  if (declaration === undefined) throw new Error('a plan without an action');
  const write = <Answer>(
    kind: 'perform' | 'undo',
    { idempotencyKey: key, effectKey }: ActionContext,
    prior: JsonObject | null,
    reply: JsonObject | null,
  ): Promise<Answer> => outside({ port: 'write', call: { kind, key, effectKey, prior, reply } });
  return {
    declaration,
    parameters: ANYTHING,
    observe: () => outside({ port: 'observe' }),
    perform: (_target, _parameters, prior, context) => write<JsonObject>('perform', context, prior, null),
    verify: (_target, _parameters, _prior, _outcome, { effectKey }) =>
      outside<VerifyResult>({ port: 'verify', effectKey }),
    undo: (_target, _parameters, prior, outcome, context) => write<UndoResult>('undo', context, prior, outcome),
  };
}

function errorOf(code: 'connection_lost' | 'busy' | 'refused'): ConnectorError {
  const retryable = code !== 'refused';
  return new ConnectorError(code, code, { retryable, resultUnknown: code === 'connection_lost' });
}

/** What a job is made of when it begins. */
export function begun(execution: number, state: ExecutionState, effect: AttemptEffect, beganAt: number): Resumed {
  return { execution, state, effect, beganAt, answers: [], lostAt: null };
}
