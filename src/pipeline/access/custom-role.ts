import { z } from 'zod';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import type { RoleName } from '../vocabulary.ts';
import { OPERATION_NAMES, type Operation } from './operations.ts';
import { mayDo, type Principal } from './principal.ts';
import { isBuiltIn, ROLE_NAME } from './role-names.ts';

/** Roles that an organisation may make: more than these nobody can tell apart. */
export const MAX_CUSTOM_ROLES = 100;

/** A role of the organisation: a name for gates, and operations beside those of the built-in roles. */
export const CUSTOM_ROLE = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** In table order; none: only gates and escalations mean something by it. */
  operations: z.array(z.enum(OPERATION_NAMES)),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
  savedBy: z.string(),
});
export type CustomRole = Readonly<z.infer<typeof CUSTOM_ROLE>>;

/** What may be given of a role; members left out stay as they are. The name stays. */
export interface CustomRoleInput {
  readonly description?: string | undefined;
  readonly operations?: readonly Operation[] | undefined;
}

/** @throws FirebreakError `invalid_request` where an organisation cannot call a role so. */
export function requireUsableName(name: string): void {
  const detail = !ROLE_NAME.test(name)
    ? 'is 3 to 41 of A-Z, 0-9 and _, a letter first: FRAUD_LEAD'
    : isBuiltIn(name)
      ? 'is a built-in role, which stays as it is: choose another name'
      : null;
  if (detail !== null) throw invalid([{ pointer: '/name', detail }]);
}

/** The role with `input` applied. @throws FirebreakError `invalid_request`. */
export function applyRoleInput(role: CustomRole, { description, operations }: CustomRoleInput): CustomRole {
  const text = (description ?? role.description).trim();
  if (text.length > MAX_TEXT_LENGTH || !text.isWellFormed())
    throw invalid([{ pointer: '/description', detail: `must be well-formed text of at most ${MAX_TEXT_LENGTH}` }]);
  const wanted = operations ?? role.operations;
  return { ...role, description: text, operations: OPERATION_NAMES.filter((name) => wanted.includes(name)) };
}

/**
 * What somebody may do to a role: only to one whose operations, before and after, their credential allows them too, and never
 * to one that they hold: nobody changes what they may do themselves.
 * @throws FirebreakError `forbidden` with the faulty member.
 */
export function requireMayWriteRole(actor: Principal, before: CustomRole | null, after: CustomRole | null): void {
  const name = (before ?? after)?.name ?? '';
  if (actor.roles.includes(name))
    throw new FirebreakError('forbidden', `You hold ${name}: somebody else has to change it`);
  const touched = new Set([...(before?.operations ?? []), ...(after?.operations ?? [])]);
  const beyond = [...touched].filter((operation) => !mayDo(actor, operation));
  if (beyond.length === 0) return;
  throw new FirebreakError('forbidden', 'Nobody gives or takes an operation that they lack', [
    { pointer: '/operations', detail: `not allowed to you: ${beyond.join(', ')}` },
  ]);
}

/** What these roles allow beyond what the table gives to built-in ones, in table order. */
export function grantsOf(
  roles: readonly RoleName[],
  customRoles: ReadonlyMap<RoleName, Pick<CustomRole, 'operations'>>,
): readonly Operation[] {
  const granted = new Set(roles.flatMap((name) => customRoles.get(name)?.operations ?? []));
  return OPERATION_NAMES.filter((name) => granted.has(name));
}

function invalid(faults: readonly Fault[]): FirebreakError {
  return new FirebreakError('invalid_request', 'The role is not valid', faults);
}
