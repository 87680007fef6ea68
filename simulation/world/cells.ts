import type { JsonObject, UndoResult } from '../../src/pipeline/actions/contract.ts';
import type { Scheduler } from './scheduler.ts';
import type { Call } from './targets.ts';
import type { Trace } from './trace.ts';

/** One state at an outside system that can be contained: an account, a rule list. */
export interface Cell {
  readonly group: string;
  readonly original: string;
  value: string;
  /** Keys of the calls whose effect it shows. */
  keys: ReadonlySet<string>;
  /** Somebody else has changed it at least once: nobody can say any more what it should be. */
  touched: boolean;
  /** What it was before each change, and until when. */
  history: { readonly until: number; readonly value: string; readonly keys: ReadonlySet<string> }[];
}

/** An effect that took place: a repeat that the target dropped is none. */
export interface EffectDone {
  readonly at: number;
  readonly kind: 'perform' | 'undo';
  readonly tag: string;
  readonly key: string;
  readonly group: string | null;
}

/** What the outside systems really are, whoever was told what. */
export interface Cells {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly done: readonly EffectDone[];
  /** Called with each effect as it takes place. */
  onEffect: (effect: EffectDone, call: Call) => void;
  read(call: Call): string;
  /** `changed` is false where it was so already, by somebody else. */
  perform(call: Call): JsonObject;
  /** As the target showed it `agoMs` before, where nothing newer is shown yet. */
  verify(call: Call, agoMs: number): 'holds' | 'absent' | 'foreign';
  undo(call: Call, prior: string, reply: JsonObject | null): UndoResult;
  /** Somebody else changes a cell. */
  strange(group: string, value: string): void;
}

export const CONTAINED = 'contained';

/**
 * What a target remembers of who contained it. `every`: the key of each call, like a list to which everybody adds his entry;
 * `first`: the key of the call that changed it, like an account with an owner of its suspension; `none`: nothing, like a flag.
 */
export type Marks = 'every' | 'first' | 'none';
export const MARKS: readonly Marks[] = ['every', 'first', 'none'];

export interface CellPorts {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  /** Business time in ms: how long a target takes to show something is counted in it, as the engine counts. */
  readonly wall: () => number;
  readonly marks: Marks;
}

export function groupOf({ declaration, target }: Pick<Call, 'declaration' | 'target'>): string | null {
  const { holds, connector } = declaration;
  return holds === null ? null : `${connector}|${holds}|${target.type}:${target.id}`;
}

export function cellsOf({ scheduler, trace, wall, marks }: CellPorts): Cells {
  const cells = new Map<string, Cell>();
  const done: EffectDone[] = [];
  /** Keys that a target with a native key has seen. */
  const seen = new Set<string>();
  /** What such a target answered to an undo, by key: a repeat gets the same answer and changes nothing. */
  const undone = new Map<string, UndoResult>();
  /** Effects that stay nowhere (a message, a ticket), by key: when each took place. */
  const occurred = new Map<string, number[]>();

  function cellOf(group: string): Cell {
    const known = cells.get(group);
    if (known !== undefined) return known;
    const cell: Cell = { group, original: 'open', value: 'open', keys: new Set(), touched: false, history: [] };
    cells.set(group, cell);
    return cell;
  }

  function change(cell: Cell, value: string, keys: ReadonlySet<string>): void {
    cell.history.push({ until: wall(), value: cell.value, keys: cell.keys });
    cell.value = value;
    cell.keys = keys;
  }

  function note(call: Call, kind: EffectDone['kind']): void {
    const effect = { at: scheduler.now, kind, tag: call.tag, key: call.key, group: groupOf(call) };
    done.push(effect);
    trace.add(`effect ${kind} ${call.tag}`);
    world.onEffect(effect, call);
  }

  function undo(call: Call, prior: string, reply: JsonObject | null): UndoResult['result'] {
    const group = groupOf(call);
    if (group === null) {
      if (!seen.has(call.key)) note(call, 'undo');
      seen.add(call.key);
      return 'restored';
    }
    const cell = cellOf(group);
    if (cell.value !== CONTAINED) return cell.touched ? 'superseded' : 'not_needed';
    // Where nothing is remembered only the state before tells what has to be restored.
    if (marks === 'first' && !cell.keys.has(call.effectKey))
      return reply?.['changed'] === false ? 'not_needed' : 'superseded';
    change(cell, prior, new Set());
    note(call, 'undo');
    return 'restored';
  }

  function isOfOthers({ value, keys }: Cell, { key }: Call): boolean {
    return value === CONTAINED && !keys.has(key);
  }

  const world: Cells = {
    cells,
    done,
    onEffect: () => undefined,
    read(call) {
      const group = groupOf(call);
      return group === null ? 'none' : cellOf(group).value;
    },
    perform(call) {
      const { idempotency } = call.declaration;
      const reply = { changed: true };
      if (idempotency === 'native-key' && seen.has(call.key)) return reply;
      const group = groupOf(call);
      // Who sees that it is so already, by somebody else, sends nothing.
      if (group !== null && marks !== 'every' && isOfOthers(cellOf(group), call)) return { changed: false };
      seen.add(call.key);
      if (group === null) {
        const times = occurred.get(call.key) ?? [];
        // The same end state, the same entry of a list: a repeat changes nothing.
        if (times.length > 0 && idempotency !== 'none') return reply;
        occurred.set(call.key, [...times, wall()]);
      } else {
        const cell = cellOf(group);
        if (cell.value === CONTAINED && cell.keys.has(call.key) && idempotency !== 'none') return reply;
        change(cell, CONTAINED, new Set(marks === 'every' ? [...cell.keys, call.key] : [call.key]));
      }
      note(call, 'perform');
      return reply;
    },
    verify(call, agoMs) {
      const group = groupOf(call);
      const shown = wall() - agoMs;
      if (group === null) return occurred.get(call.key)?.some((at) => at <= shown) === true ? 'holds' : 'absent';
      const cell = cellOf(group);
      const { value, keys } = cell.history.find(({ until }) => until > shown) ?? cell;
      if (value !== CONTAINED) return 'absent';
      return marks === 'none' || keys.has(call.effectKey) ? 'holds' : 'foreign';
    },
    undo(call, prior, reply) {
      const known = undone.get(call.key);
      if (known !== undefined) return known;
      const result: UndoResult = { result: undo(call, prior, reply), digest: 'd' };
      if (call.declaration.idempotency === 'native-key') undone.set(call.key, result);
      return result;
    },
    strange(group, value) {
      const cell = cellOf(group);
      change(cell, value, new Set());
      cell.touched = true;
      trace.add(`stranger ${group} ${value}`);
    },
  };
  return world;
}
