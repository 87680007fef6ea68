import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { roleFaults } from '../access/role-names.ts';
import type { RoleName } from '../vocabulary.ts';

/** What comes in for a task, checked: each refusal names the member and the fix. Pure. */

/** Longest title, in UTF-16 units: one line of a list. */
export const MAX_TITLE_LENGTH = 200;
/** Longest draft, in UTF-16 units: some ten pages; longer texts belong into a document of their own. */
export const MAX_DRAFT_LENGTH = 20_000;
/** Most roles that one task is for: there are few that are not leads. */
export const MAX_TASK_ROLES = 8;
/** Most records of one task: versions, comments and hand-overs. A task that needs more is several. */
export const MAX_TASK_RECORDS = 500;
/** Furthest due time from now, in ms: a year. */
const MAX_DUE_MS = 366 * 86_400_000;

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** As `CONTROL`, but for what stands between lines and in front of code. */
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const CONTROL_IN_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
/** Characters that turn the direction of what follows: a text would read otherwise than it is. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/;
const EVERY_HIDDEN = new RegExp(`${CONTROL_IN_LINES.source}|${TURNING.source}`, 'g');

/** A title on one line. */
export function titleOf(title: string): string {
  const trimmed = title.trim();
  const faults = [
    ...lengthFaults(trimmed, MAX_TITLE_LENGTH, '/title'),
    ...(CONTROL.test(trimmed) ? [{ pointer: '/title', detail: 'is one line without control characters' }] : []),
    ...hiddenFaults(trimmed, '/title'),
  ];
  return refuseOr(faults, trimmed);
}

/** A text in lines, with line ends as Unix writes them. @param pointer names the member that it came in */
export function linesOf(text: string, pointer: string, max = MAX_TEXT_LENGTH): string {
  const lines = text.replaceAll('\r\n', '\n');
  const faults = [
    ...lengthFaults(lines.trim(), max, pointer),
    ...(CONTROL_IN_LINES.test(lines) ? [{ pointer, detail: 'holds a control character: take it out' }] : []),
    ...hiddenFaults(lines, pointer),
  ];
  return refuseOr(faults, lines);
}

export function draftOf(draft: string): string {
  return linesOf(draft, '/draft', MAX_DRAFT_LENGTH);
}

/** A draft of a playbook, which holds what events named: what a person would be refused is taken out or cut off. */
export function tamedDraft(draft: string): string {
  const lines = draft.replaceAll('\r\n', '\n').toWellFormed();
  const tamed = lines.replaceAll(EVERY_HIDDEN, '\ufffd').slice(0, MAX_DRAFT_LENGTH).toWellFormed();
  return tamed.trim() === '' ? '…' : tamed;
}

/** Roles that there are, each once. @param customRoles those of the organisation */
export function rolesOf(roles: readonly RoleName[], customRoles: readonly RoleName[]): readonly RoleName[] {
  const each = [...new Set(roles)].sort();
  const faults = [
    ...roleFaults(roles, customRoles, (index) => `/roles/${index}`),
    ...(each.length === 0 || each.length > MAX_TASK_ROLES
      ? [{ pointer: '/roles', detail: `names 1 to ${MAX_TASK_ROLES} roles that it is for` }]
      : []),
  ];
  return refuseOr(faults, each);
}

/** A due time that is still to come; null: none. */
export function dueOf(dueAt: number | null, now: number): number | null {
  if (dueAt === null) return null;
  const faults: Fault[] = [];
  if (dueAt <= now) faults.push({ pointer: '/dueAt', detail: 'lies in the past: give a time that is still to come' });
  if (dueAt > now + MAX_DUE_MS) faults.push({ pointer: '/dueAt', detail: 'is more than a year from now' });
  return refuseOr(faults, dueAt);
}

function lengthFaults(text: string, max: number, pointer: string): readonly Fault[] {
  if (text.length >= 1 && text.length <= max) return [];
  return [{ pointer, detail: text.length === 0 ? 'says nothing' : `is longer than ${max} characters` }];
}

function hiddenFaults(text: string, pointer: string): readonly Fault[] {
  if (!text.isWellFormed()) return [{ pointer, detail: 'holds a lone surrogate' }];
  return TURNING.test(text) ? [{ pointer, detail: 'holds a character that turns the direction of the text' }] : [];
}

/** @throws FirebreakError `invalid_task` */
function refuseOr<Value>(faults: readonly Fault[], value: Value): Value {
  if (faults.length > 0) throw new FirebreakError('invalid_task', 'The task is not valid', faults);
  return value;
}
