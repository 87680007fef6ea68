import type { CompiledSeverity } from '../compile-runbook.ts';
import type { RunbookStep } from '../runbook.ts';
import { nearestWord } from './nearest-word.ts';
import type { Finding } from './problem.ts';
import type { Writer } from './writer.ts';

/** How an action settles, as conditions see it. */
const STATUSES = ['SUCCESS', 'FAILED', 'UNKNOWN', 'SKIPPED', 'DENIED', 'TIMED_OUT'] as const;

/** After these a step that stops or rolls back ends the run. */
const FAILURES: ReadonlySet<string> = new Set(['FAILED', 'UNKNOWN', 'TIMED_OUT']);

/**
 * A step that can never run, because its condition asks for what ends the run before: that an earlier step failed
 * although its failure stops the runbook, that one was denied, or a status or severity that never is.
 */
export function reachFindings(
  { condition, pointer }: RunbookStep,
  { document, origins }: Pick<CompiledSeverity, 'document' | 'origins'>,
  writer: Writer,
): readonly Finding[] {
  // Of an alternative the other side may hold.
  if (condition === undefined || condition.includes('||') || condition.includes('!(')) return [];
  const at = `${pointer}/condition`;
  const found: Finding[] = [];
  const add = (message: string, fix: string, better: string | null = null): void => {
    const edit = better === null ? null : writer.replaceValue(at, better);
    found.push({ rule: 'unreachable-step', pointer: at, message, fix, repairs: edit === null ? [] : [[edit]] });
  };
  for (const [, id = '', , status = ''] of condition.matchAll(
    /\bresults\.(\w+)\.status\s*==\s*(["'])([A-Za-z_]+)\2/g,
  )) {
    const index = document.actions.findIndex(({ actionId }) => actionId === id);
    const origin = origins[index];
    if (origin === undefined) continue;
    const word = STATUSES.find((each) => each === status);
    if (word === undefined) {
      const nearest = STATUSES.find((each) => each === status.toUpperCase()) ?? nearestWord(status, STATUSES);
      const better = nearest === null ? null : condition.replace(status, nearest);
      add(`No step ever ends as ${status}`, `Known are ${STATUSES.join(', ')}.`, better);
    } else if (word === 'DENIED') {
      add(`A denial of ${id} ends the runbook, so this step never runs`, 'Remove the step.');
    } else if (FAILURES.has(word) && document.actions[index]?.onFailure !== 'CONTINUE') {
      const message = `A failure of ${id} ends the runbook, so this step never runs`;
      const edit = writer.addMember(origin.step.pointer, 'on_failure', 'continue');
      const other = writer.replaceValue(`${origin.step.pointer}/on_failure`, 'continue');
      const fix = `Set on_failure of ${id} to continue.`;
      found.push({
        rule: 'unreachable-step',
        pointer: at,
        message,
        fix,
        repairs: [other ?? edit].flatMap((each) => (each === null ? [] : [[each]])),
      });
    }
  }
  for (const [, , severity = ''] of condition.matchAll(/\bincident\.severity\s*==\s*(["'])([A-Za-z]+)\1/g)) {
    if (severity === document.severity) continue;
    const message = `This playbook is for ${document.severity}; the severity is never ${severity} here`;
    add(message, 'Remove the comparison, or move the step.');
  }
  return found;
}
