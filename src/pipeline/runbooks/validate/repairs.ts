import type { PlacedFault } from '../../playbooks/placed-document.ts';
import { actionTypeOf } from '../../actions/registry.ts';
import { KNOWN_ACTIONS } from '../known-actions.ts';
import { ACTION_WORDS, CHANNEL_WORDS, ON_FAILURE, ROLE_WORDS } from '../runbook-schema.ts';
import { membersAt } from '../schema-faults.ts';
import { EVENT_FORMATS } from '../../events/event.ts';
import { nearestWord } from './nearest-word.ts';
import type { TextEdit } from './text-edit.ts';
import type { Writer } from './writer.ts';

export type Repairs = readonly (readonly TextEdit[])[];

/** What may mend a fault of the shape of a runbook: the nearest known word, the right type, the member that is missing. */
export function schemaRepairs(fault: PlacedFault, writer: Writer): Repairs {
  const { valueAt } = writer;
  const { pointer, rule } = fault;
  const around = pointer.slice(0, pointer.lastIndexOf('/'));
  const name = pointer.slice(around.length + 1);
  const value = valueAt(pointer);
  const remove = () => one(writer.removeMember(pointer));
  switch (rule) {
    case 'unknown-member': {
      const free = membersAt(around).filter((member) => valueAt(`${around}/${member}`) === undefined);
      return [...one(nearest(name, free, (word) => writer.replaceKey(pointer, word))), ...remove()];
    }
    case 'unknown-severity': {
      const usual = SEVERITY_SYNONYMS.get(name.toLowerCase());
      const word = usual ?? nearestWord(name, ['low', 'medium', 'high', 'critical']);
      return word === null ? [] : one(writer.replaceKey(pointer, word));
    }
    case 'unknown-action':
      return wordRepair(
        pointer,
        value,
        ACTION_WORDS.filter((word) => word === word.toLowerCase()),
        writer,
      );
    case 'unknown-channel':
      return wordRepair(pointer, value, CHANNEL_WORDS, writer);
    case 'unknown-role':
      return wordRepair(pointer, value, ROLE_WORDS, writer);
    case 'unknown-source':
      return wordRepair(pointer, value, EVENT_FORMATS, writer);
    case 'unknown-word':
      return wordRepair(pointer, value, ON_FAILURE, writer);
    case 'wrong-type':
      return one(...typeRepairs(pointer, value, writer));
    case 'not-recordable':
      return name === 'version'
        ? one(writer.replaceValue(pointer, String(value)))
        : typeRepairs(pointer, value, writer).flatMap((edit) => one(edit));
    case 'out-of-range':
      return typeof value === 'number' && value < 0 ? one(writer.replaceValue(pointer, -value)) : [];
    case 'empty-target': {
      const target = usualTarget(valueAt(`${around}/action`));
      return target === null ? remove() : one(writer.replaceValue(pointer, target));
    }
    case 'missing-member':
      return name === 'name' ? one(writer.addMember(around, 'name', 'Unnamed')) : [];
    case 'rollback-cycle':
    case 'rollback-mismatch':
    case 'rollback-unknown': {
      const type = actionTypeOf(String(valueAt(`${around}/action`)));
      const [usual] = type === null ? [] : KNOWN_ACTIONS[type].inverses;
      return usual === undefined ? remove() : one(writer.replaceValue(pointer, usual));
    }
    case 'approval-contradiction':
      return one(writer.replaceValue(`${around}/requires_approval`, true));
    case 'misplaced-member':
    case 'forbidden-name':
      return remove();
    case 'duplicate-key':
      return one(writer.removeRepeat(pointer));
    default:
      return [];
  }
}

/** Severities of other products and what they are here. */
const SEVERITY_SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['moderate', 'medium'],
  ['severe', 'high'],
  ['urgent', 'critical'],
  ['crit', 'critical'],
  ['med', 'medium'],
  ['informational', 'low'],
  ['info', 'low'],
]);

/** Whom an action is usually done to, as a template; null for an action that is done to nobody. */
export function usualTarget(action: unknown): string | null {
  const type = typeof action === 'string' ? actionTypeOf(action) : null;
  if (type === null) return null;
  const { targetType } = KNOWN_ACTIONS[type];
  if (targetType === 'user') return '{{event.user_id}}';
  if (targetType === 'host') return '{{event.host_id}}';
  if (targetType === 'segment') return '{{event.segment_id}}';
  return targetType === 'ip' ? '{{incident.sourceIps[0]}}' : null;
}

function wordRepair(pointer: string, value: unknown, known: readonly string[], writer: Writer): Repairs {
  if (typeof value !== 'string') return [];
  return one(nearest(value, known, (word) => writer.replaceValue(pointer, word)));
}

function nearest(word: string, known: readonly string[], edit: (word: string) => TextEdit | null): TextEdit | null {
  const best = nearestWord(word.replaceAll(/[\s-]+/g, '_'), known);
  return best === null ? null : edit(best);
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
]);

/** The same in another type; whether it is the right one is found by trying. */
function typeRepairs(pointer: string, value: unknown, writer: Writer): readonly (TextEdit | null)[] {
  const edits: (TextEdit | null)[] = [];
  if (typeof value === 'string') {
    const truth = TRUTHS.get(value.trim().toLowerCase());
    if (truth !== undefined) edits.push(writer.replaceValue(pointer, truth));
    const digits = /^\s*(\d{1,9})\s*(?:m|min|minutes?|h|hours?)?\s*$/.exec(value)?.[1];
    if (digits !== undefined) edits.push(writer.replaceValue(pointer, Number(digits)));
    edits.push(writer.replaceValue(pointer, value.split(/\s*,\s*/)));
  }
  if (value === 0 || value === 1) edits.push(writer.replaceValue(pointer, value === 1));
  if (typeof value === 'number') {
    edits.push(writer.replaceValue(pointer, String(value)));
    if (!Number.isInteger(value)) edits.push(writer.replaceValue(pointer, Math.ceil(value)));
  }
  if (typeof value === 'boolean') edits.push(writer.replaceValue(pointer, String(value)));
  const [only, ...more] = Array.isArray(value) ? value : [];
  if (more.length === 0 && (typeof only === 'string' || typeof only === 'number' || typeof only === 'boolean')) {
    edits.push(writer.replaceValue(pointer, only));
  }
  return edits;
}

function one(...edits: readonly (TextEdit | null)[]): Repairs {
  return edits.flatMap((edit) => (edit === null ? [] : [[edit]]));
}
