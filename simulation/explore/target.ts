import type { JsonObject, UndoResult, VerifyResult } from '../../src/pipeline/actions/contract.ts';
import { CONTAINED, type Marks } from '../world/cells.ts';
import type { Setting } from './setting.ts';

/**
 * The target: the cells of `world/cells.ts` once more, as pure functions of a value, so that a state of the world can be kept
 * and gone on from more than once. A property test holds the two against each other.
 */
export interface Cell {
  readonly value: string;
  /** Keys of the calls whose effect it shows, in alphabetical order. */
  readonly keys: readonly string[];
  /** Keys that it has seen, where it drops repeats. */
  readonly seen: readonly string[];
  /** What it answered to undos, where it drops repeats. */
  readonly undone: { readonly [key: string]: UndoResult['result'] };
}

export interface WriteCall {
  readonly kind: 'perform' | 'undo';
  readonly key: string;
  readonly effectKey: string;
  readonly prior: JsonObject | null;
  readonly reply: JsonObject | null;
}

export interface Written {
  readonly cell: Cell;
  readonly answer: JsonObject;
  /** False where nothing took place: a repeat that is dropped, a state that is there already. */
  readonly effect: boolean;
}

export function newCell(value: string): Cell {
  return { value, keys: [], seen: [], undone: {} };
}

export function applyWrite(cell: Cell, call: WriteCall, setting: Setting): Written {
  return call.kind === 'perform' ? perform(cell, call, setting) : undo(cell, call, setting);
}

export function verify({ value, keys }: Cell, effectKey: string, marks: Marks): VerifyResult {
  if (value !== CONTAINED) return { says: 'absent', digest: 'd' };
  return { says: marks === 'none' || keys.includes(effectKey) ? 'holds' : 'foreign', digest: 'd' };
}

function perform(cell: Cell, { key }: WriteCall, { marks, idempotency }: Setting): Written {
  const knowsKeys = idempotency === 'native-key';
  const done = { answer: { changed: true }, effect: false };
  if (knowsKeys && cell.seen.includes(key)) return { ...done, cell };
  const own = cell.value === CONTAINED && cell.keys.includes(key);
  // Who sees that it is so already, by somebody else, sends nothing.
  if (marks !== 'every' && cell.value === CONTAINED && !own) return { cell, answer: { changed: false }, effect: false };
  const seen = knowsKeys ? withKey(cell.seen, key) : cell.seen;
  if (own) return { ...done, cell: { ...cell, seen } };
  const keys = marks === 'every' ? withKey(cell.keys, key) : [key];
  return { ...done, cell: { ...cell, value: CONTAINED, keys, seen }, effect: true };
}

function undo(cell: Cell, call: WriteCall, { marks, idempotency }: Setting): Written {
  const known = cell.undone[call.key];
  if (known !== undefined) return { cell, answer: { result: known, digest: 'd' }, effect: false };
  const { result, changed } = undoOnce(cell, call, marks);
  const undone = idempotency === 'native-key' ? { ...cell.undone, [call.key]: result } : cell.undone;
  return { cell: { ...changed, undone }, answer: { result, digest: 'd' }, effect: changed !== cell };
}

function undoOnce(cell: Cell, { effectKey, prior, reply }: WriteCall, marks: Marks) {
  if (cell.value !== CONTAINED) return { result: 'not_needed', changed: cell } as const;
  // Where nothing is remembered only the state before tells what has to be restored.
  if (marks === 'first' && !cell.keys.includes(effectKey))
    return { result: reply?.['changed'] === false ? 'not_needed' : 'superseded', changed: cell } as const;
  const value = prior?.['value'];
  return {
    result: 'restored',
    changed: { ...cell, value: typeof value === 'string' ? value : 'open', keys: [] },
  } as const;
}

function withKey(keys: readonly string[], key: string): readonly string[] {
  return keys.includes(key) ? keys : [...keys, key].sort();
}
