import type { StoredView } from '../../src/journal/journal.ts';
import type { JsonObject } from '../../src/pipeline/actions/contract.ts';
import type { AttemptEffect } from '../../src/pipeline/executions/core/demands.ts';
import type { NewInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import type { Cell, WriteCall } from './target.ts';

/** One moment of the small world. Immutable: many ways go on from it. */
export interface World {
  readonly now: number;
  readonly executions: readonly ExecutionState[];
  /** Rows of holds, newest first, as the journal lists them. */
  readonly holds: readonly StoredView[];
  /** Effects that have begun. */
  readonly jobs: readonly Job[];
  /** Effects that were owed when their process died and that nobody has taken over: execution and name. */
  readonly inherited: readonly Inherited[];
  readonly cell: Cell;
  /** Calls that may still take effect although nobody waits for them. */
  readonly writes: readonly LooseWrite[];
  readonly spent: { readonly faults: number; readonly deaths: number; readonly acts: number };
}

export interface Inherited {
  readonly execution: number;
  readonly name: string;
}

export interface LooseWrite {
  readonly execution: number;
  readonly call: WriteCall;
  /** The last moment at which it may land. */
  readonly until: number;
}

/**
 * An effect under way. What code has run of it so far is told by the answers that it got: the code is deterministic, so it is run
 * again with them to go on from here (`job.ts`).
 */
export interface Job {
  readonly execution: number;
  readonly state: ExecutionState;
  readonly effect: AttemptEffect;
  readonly beganAt: number;
  readonly answers: readonly PortAnswer[];
  /** What it waits for. */
  readonly asks: PortCall;
  /** When its present call must be over. */
  readonly deadline: number;
  /** The call has arrived at its target, which answers this. */
  readonly arrived: JsonObject | null;
  /** Nothing will answer the call: its time limit ends it. */
  readonly silent: boolean;
  /** How many answers it had when its process was taken for dead, or null. */
  readonly lostAt: number | null;
}

export type PortCall =
  | { readonly port: 'holds' }
  | { readonly port: 'observe' }
  | { readonly port: 'verify'; readonly effectKey: string }
  | { readonly port: 'write'; readonly call: WriteCall }
  | { readonly port: 'record'; readonly input: NewInput };

export type PortAnswer =
  | { readonly says: 'holds'; readonly items: readonly StoredView[] }
  | { readonly says: 'value'; readonly value: JsonObject; readonly at: number }
  | { readonly says: 'error'; readonly code: 'connection_lost' | 'busy' | 'refused'; readonly at: number }
  | { readonly says: 'nothing'; readonly at: number };
