import { z } from 'zod';
import { FirebreakError, type ErrorCode } from '../platform/errors.ts';
import type { Definition, IfMatch } from '../pipeline/service.ts';
import { ifMatchOf } from './envelope.ts';

/** What requests that create or change a definition (a playbook, a policy) have in common. */

export const IF_MATCH = z.looseObject({ 'if-match': z.string().max(1_000).optional() });

/** The member that holds the id of a definition. */
type IdName = 'playbookId' | 'policyId';

/** What an answer adds to a definition: a client that sends back what it was given is not refused for it. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set(['version', 'createdAt', 'updatedAt', 'savedBy']);

/**
 * The definition under its one id: `id` and `_id` are other spellings of `name`.
 * @throws FirebreakError `invalid_request` when they differ.
 */
function withOneId(body: Definition, name: IdName): Definition {
  const spellings = ['id', '_id', name].filter((spelling) => body[spelling] !== undefined);
  const faults = spellings
    .filter((spelling) => body[spelling] !== body[spellings[0] ?? name])
    .map((spelling) => ({ pointer: `/${spelling}`, detail: `differs from ${spellings[0]}: give one of them` }));
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The body names two ids', faults);
  const { id, _id, ...members } = body;
  const definition = Object.fromEntries(Object.entries(members).filter(([member]) => !ANSWER_MEMBERS.has(member)));
  return spellings.length === 0 ? definition : { ...definition, [name]: body[name] ?? _id ?? id };
}

/**
 * A definition to be created. `reserved` are the words that stand where its id would in an address.
 * @throws FirebreakError `invalid_request` for two ids, `refusal` for a reserved one.
 */
export function newDefinition(
  body: Definition,
  name: IdName,
  reserved: readonly string[],
  refusal: ErrorCode,
): Definition {
  const definition = withOneId(body, name);
  const id = definition[name];
  if (typeof id !== 'string' || !reserved.includes(id)) return definition;
  const fault = { pointer: `/${name}`, detail: `${id} is a word of the API's addresses: choose another id` };
  throw new FirebreakError(refusal, 'The definition is not valid', [fault]);
}

interface ChangeRequest {
  readonly body: Definition;
  readonly params: { readonly id: string };
  readonly headers: { readonly 'if-match'?: string | undefined };
}

/** The change of a definition. @throws FirebreakError `invalid_request` when it names another id than its address. */
export function changeOf(
  { body, params, headers }: ChangeRequest,
  name: IdName,
): { readonly id: string; readonly changes: Definition; readonly ifMatch: IfMatch } {
  const ifMatch = ifMatchOf(headers['if-match']);
  const changes = withOneId(body, name);
  const { id } = params;
  if (changes[name] === undefined || changes[name] === id) return { id, changes, ifMatch };
  const fault = { pointer: `/${name}`, detail: `differs from the address: the id ${id} stays` };
  throw new FirebreakError('invalid_request', 'The body names another id than the address', [fault]);
}
