import type { ActionDeclaration, ActionTarget } from '../actions/contract.ts';
import type { ExpressionValues } from './scope.ts';
import { resolveTemplates } from './templates.ts';

/** Longest id of a target, in UTF-16 units: the longest mail address is 254, the longest resource name 2,048. */
const MAX_TARGET_LENGTH = 2_048;

const SUBJECT = '{{incident.subject.id}}';

/**
 * Whom an action is done to when its playbook does not say: the subject of the incident; with `forEach: accounts`
 * the account of that child; for addresses the first source address; for hosts and segments the names that alerts
 * carry (as the seeds' runbooks write them). Empty for actions without a target.
 */
export function defaultTarget(targetType: ActionDeclaration['targetType'], forEach: 'accounts' | null): string {
  switch (targetType) {
    case 'none':
      return '';
    case 'user':
      return forEach === 'accounts' ? '{{user.id}}' : SUBJECT;
    case 'ip':
      return '{{incident.sourceIps[0]}}';
    case 'host':
      return '{{event.host_id}}';
    case 'segment':
      return '{{event.segment_id}}';
    case 'vendor':
      return SUBJECT;
  }
}

/**
 * The target of an action, from its template and the snapshot; or why there is none, in a sentence. Refused: a
 * missing or empty value, anything but a text, control characters, more than 2,048 characters, and the incident's
 * subject where it is of another type than the action wants (a host named like an account is not that account).
 */
export function resolveTarget(
  template: string,
  targetType: ActionDeclaration['targetType'],
  values: ExpressionValues,
): { readonly target: ActionTarget } | { readonly fault: string } {
  if (targetType === 'none') return { target: { id: '', type: 'none' } };
  if (template === SUBJECT) {
    const type = resolveTemplates('{{incident.subject.type}}', values);
    if ('faults' in type || type.value !== targetType) {
      return { fault: `The incident is not about a ${targetType}, so the action needs a target of its own.` };
    }
  }
  const resolved = resolveTemplates(template, values);
  if ('faults' in resolved) return { fault: resolved.faults[0]?.detail ?? 'The target has no value.' };
  const { value } = resolved;
  if (typeof value !== 'string' || value.trim() === '') return { fault: 'The target is not a text.' };
  if (value.length > MAX_TARGET_LENGTH) return { fault: `The target is longer than ${MAX_TARGET_LENGTH} characters.` };
  if (/\p{Cc}/u.test(value)) return { fault: 'The target holds control characters.' };
  return { target: { id: value, type: targetType } };
}
