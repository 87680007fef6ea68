import { z } from 'zod';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import type { RoleName } from '../vocabulary.ts';
import { MAX_NAME_LENGTH, textOf } from './access.ts';
import { canonicalAccount } from './identities.ts';
import { inOrder, roleFaults } from './role-names.ts';

/** Groups of an installation: larger organisations map those of their identity provider to a few. */
export const MAX_GROUPS = 200;
/** Groups of one person. */
export const MAX_GROUPS_OF_ONE = 20;

/** People who have the same roles. Who is in it stands with each person: a group holds no groups. */
export const GROUP = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  roles: z.array(z.string()),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
  savedBy: z.string(),
  /** Who gave it the roles that it has now: nobody comes by roles through what they have set themselves. */
  rolesSetBy: z.string(),
});
export type Group = Readonly<z.infer<typeof GROUP>>;

/** What may be given of a group; members left out stay as they are. The name stays: groups of an identity provider mean it. */
export interface GroupChange {
  readonly description?: string | undefined;
  readonly roles?: readonly RoleName[] | undefined;
}
export interface GroupInput extends GroupChange {
  readonly name: string;
}

/** The group with `input` applied. @throws FirebreakError `invalid_request` with each fault. */
export function applyGroupInput(
  group: Group,
  input: GroupChange | GroupInput,
  customRoles: readonly RoleName[],
): Group {
  const faults: Fault[] = [];
  const name = !('name' in input) ? group.name : textOf(input.name, '/name', MAX_NAME_LENGTH, faults);
  const description = (input.description ?? group.description).trim();
  if (description.length > MAX_TEXT_LENGTH || !description.isWellFormed())
    faults.push({ pointer: '/description', detail: `must be well-formed text of at most ${MAX_TEXT_LENGTH}` });
  if (input.roles !== undefined) faults.push(...roleFaults(input.roles, customRoles, (index) => `/roles/${index}`));
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The group is not valid', faults);
  return { ...group, name, description, roles: [...(input.roles === undefined ? group.roles : inOrder(input.roles))] };
}

/** Names that differ only in case or blanks around them are one. */
export function groupKey(name: string): string {
  return canonicalAccount(name);
}
