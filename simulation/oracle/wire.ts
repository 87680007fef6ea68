import type { EffectDone } from '../world/cells.ts';
import type { Call } from '../world/targets.ts';
import type { ActionModel, ExecutionModel } from './model.ts';
import type { Reader } from './reader.ts';

/** Looks at the wire: nothing may be sent that is not recorded and allowed, nothing may happen twice. */
export interface WireTap {
  sent(call: Call): void;
  /** A call is on its way to its target (1), or has arrived there (-1); it may be on its way more than once. */
  travels(call: Call, change: 1 | -1): void;
  happened(effect: EffectDone, call: Call): void;
  /** How a call went, as the caller was told. */
  answered(call: Call, definite: boolean): void;
}

export function createWireTap(reader: Reader, broken: (rule: string, what: string) => void): WireTap {
  /** Calls of one key that nobody knows the result of for sure. */
  const open = new Map<string, number>();
  const performed = new Map<string, number>();
  /** Calls on their way whose target knows no keys, by execution and action. */
  const travelling = new Map<string, number>();

  function meaningOf(call: Call): { execution: ExecutionModel; action: ActionModel; generation: number } | null {
    const meaning = reader.keys.get(call.key);
    const execution = meaning === undefined ? undefined : reader.executions.get(meaning.executionId);
    const action = meaning === undefined ? undefined : execution?.actions.get(meaning.actionId);
    if (meaning === undefined || execution === undefined || action === undefined) return null;
    return { execution, action, generation: meaning.generation };
  }

  return {
    sent(call) {
      if (call.kind !== 'perform' && call.kind !== 'undo') return;
      const found = meaningOf(call);
      if (found === null) return broken('records', `${call.kind} ${call.tag} is sent under a key that is not recorded`);
      const { execution, action, generation } = found;
      const what = `${call.kind} ${call.tag} of ${execution.id}`;
      if (call.signal.aborted) broken('stragglers', `${what} is sent after its caller gave up`);
      const [tagged] = call.tag.split('@', 1);
      const owner = `${execution.parent?.executionId ?? execution.id}/${action.plan.actionId}`;
      if (tagged !== owner) broken('keys', `${what} is sent under the key of ${owner}`);
      const wanted = call.kind === 'perform' ? 'performing' : 'undoing';
      if (action.phase !== wanted) broken('records', `${what} is sent while the record says ${action.phase}`);
      if (action.generation !== generation) broken('keys', `${what} is sent under an old key`);
      if (call.kind === 'undo') {
        if ((travelling.get(nameOf(execution, action)) ?? 0) > 0)
          broken('stragglers', `${what} is sent while the call that it undoes may still land`);
        return;
      }
      const { idempotency, readBack } = call.declaration;
      if (idempotency === 'none' && !readBack && (open.get(call.key) ?? 0) > 0)
        broken('once', `${what} is attempted again although nobody knows what became of it`);
      open.set(call.key, (open.get(call.key) ?? 0) + 1);
    },
    travels(call, change) {
      // Where the target knows the key, a call that lands after its undo is the business of `happened`.
      if (call.kind !== 'perform' || call.declaration.idempotency === 'native-key') return;
      const found = meaningOf(call);
      if (found === null) return;
      const name = nameOf(found.execution, found.action);
      travelling.set(name, (travelling.get(name) ?? 0) + change);
    },
    answered(call, definite) {
      if (definite) open.set(call.key, (open.get(call.key) ?? 1) - 1);
    },
    happened(effect, call) {
      const found = meaningOf(call);
      if (found === null) return; // Said when it was sent.
      const { execution, action, generation } = found;
      if (effect.kind === 'undo') {
        const over =
          action.generation !== generation || (action.phase === 'settled' && UNDONE.has(action.status ?? ''));
        if (over) broken('stragglers', `the undo of ${effect.tag} of ${execution.id} takes effect after it was over`);
        return;
      }
      const times = (performed.get(effect.key) ?? 0) + 1;
      performed.set(effect.key, times);
      if (call.declaration.idempotency === 'none' && times > 1)
        broken('once', `${effect.tag} of ${execution.id} took effect ${times} times under one key`);
      if (action.generation !== generation) return;
      if (UNDONE.has(action.status ?? '') && action.phase === 'settled')
        broken('stragglers', `${effect.tag} of ${execution.id} takes effect after it was undone`);
      if (action.phase === 'settled' && action.status === 'FAILED' && !action.resultUnknown)
        broken('stragglers', `${effect.tag} of ${execution.id} takes effect after it was said to have failed`);
    },
  };
}

function nameOf({ id }: ExecutionModel, { plan }: ActionModel): string {
  return `${id}|${plan.actionId}`;
}

const UNDONE = new Set(['COMPENSATED', 'NOT_NEEDED', 'SUPERSEDED']);
