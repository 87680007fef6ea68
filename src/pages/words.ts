import { rolesInWords, type ApprovalShown, type GateShown } from './approval-shown.ts';

/** What the pages say in sentences, from what an approval says in words of the API. */

const REVERSIBILITY: ReadonlyMap<string, string> = new Map([
  ['undo', 'It can be undone: Firebreak restores what was there before.'],
  ['expires', 'It ends by itself after its time.'],
  ['selfRecoverable', 'The person gets over it without help: they sign in again, and nothing is lost.'],
  ['irreversible', 'It cannot be undone.'],
]);

export function undoInWords({ reversibility }: ApprovalShown): string {
  return REVERSIBILITY.get(reversibility) ?? 'Nothing is known about undoing it.';
}

/** What happens when nobody answers in time. The same rules as the execution's, which decides. */
export function silenceInWords({ purpose, reversibility }: ApprovalShown, gates: readonly GateShown[] | null): string {
  if (purpose === 'question')
    return 'Without an answer in time the question counts as not answered, and the playbook goes on with that.';
  if (purpose !== 'gate') return 'Without an answer in time it is not done.';
  if (gates === null) return 'Without an answer in time the rules that ask decide.';
  const fallbacks = gates.map(({ fallbackBehavior }) => fallbackBehavior);
  if (fallbacks.length === 0 || fallbacks.includes('DENY_ACTION') || reversibility === 'irreversible')
    return 'Without an answer in time it is not done.';
  if (fallbacks.includes('ESCALATE_TO_HUMAN'))
    return 'Without an answer in time it is not done, and is left to people.';
  return 'Without an answer in time it is done, because the rules that ask say so.';
}

/** Who may answer, a line for each place that has to be filled. */
export function whoMayAnswer({ requirements, services = [] }: ApprovalShown): readonly string[] {
  const places = requirements.map((requirement) => {
    const { k, roles, users = {}, standIns = [], services: others = [] } = requirement;
    const named = Object.entries(users).map(([role, ids]) => `of ${role} only ${ids.join(', ')}`);
    const later = standIns.map(({ id, afterMs }) => `${id} after ${Math.round(afterMs / 60_000)} minutes`);
    const more = [...named, ...later].join('; ');
    const people = k === 1 ? 'One person' : `${k} different people`;
    const alone = others.map((service) => `, or the service ${service}`).join('');
    return `${people} with ${rolesInWords(roles)}${more === '' ? '' : ` (${more})`}${alone}`;
  });
  return [...places, ...services.map(serviceInWords)];
}

function serviceInWords({ name, mustAnswer, reply }: NonNullable<ApprovalShown['services']>[number]): string {
  if (reply === undefined) return `The service ${name} is asked${mustAnswer ? ', and has to be heard first' : ''}`;
  if (reply.answer === 'none') return `The service ${name} gave no answer (${reply.why ?? 'unknown'})`;
  return `The service ${name} has ${reply.answer} it`;
}

const STATUSES: ReadonlyMap<string, string> = new Map([
  ['PENDING', 'It waits for an answer.'],
  ['APPROVED', 'It was approved.'],
  ['DENIED', 'It was denied.'],
  ['EXPIRED', 'Nobody answered in time.'],
  ['VOIDED', 'It is no longer asked.'],
]);

export function statusInWords({ status }: ApprovalShown): string {
  return STATUSES.get(status) ?? status;
}
