import { FirebreakError } from '../../platform/errors.ts';
import { requireVersion, type IfMatch } from '../service.ts';
import { ROLES, type RoleName } from '../vocabulary.ts';
import { applyAccessChange, existing } from './access-change.ts';
import { allCustomRoles, allGroups, loadCustomRole } from './access-in-force.ts';
import { allUsers, type AccessJournal } from './access.store.ts';
import { presentActor } from './actor.ts';
import {
  applyRoleInput,
  MAX_CUSTOM_ROLES,
  requireMayWriteRole,
  requireUsableName,
  type CustomRole,
  type CustomRoleInput,
} from './custom-role.ts';
import { roleDeleted, roleWrite } from './group.store.ts';
import { OPERATION_NAMES, rolesMay, type Operation } from './operations.ts';
import { requireOperation, type CallContext } from './principal.ts';
import { isBuiltIn } from './role-names.ts';

/** A role as it is shown: what it lets people do, and service accounts as far as the operation is not for people only. */
export interface ShownRole {
  readonly name: RoleName;
  readonly builtIn: boolean;
  readonly description: string;
  readonly operations: readonly Operation[];
  /** Null for a built-in role, which never changes. */
  readonly stored: CustomRole | null;
}

/** Roles of the organisation, beside the built-in ones. */
export interface CustomRoleService {
  /** The built-in ones in their order, then the others by name. */
  list(ctx: CallContext): Promise<readonly ShownRole[]>;
  get(ctx: CallContext, name: RoleName): Promise<ShownRole>;
  /** @throws FirebreakError `invalid_request`, `forbidden` for operations that the caller lacks, `conflict`. */
  create(ctx: CallContext, input: CustomRoleInput & { readonly name: string }): Promise<ShownRole>;
  /** Who has the role may do what it allows from the next request on. */
  change(ctx: CallContext, name: RoleName, input: CustomRoleInput, ifMatch: IfMatch): Promise<ShownRole>;
  /** @throws FirebreakError `conflict` with each place where it is in use. */
  remove(ctx: CallContext, name: RoleName, ifMatch: IfMatch): Promise<ShownRole>;
}

/** Places named in a refusal: enough to begin with. */
const MAX_PLACES = 20;

/** @param policiesWith ids of the policies that name a role, in force or not. */
export function createCustomRoleService(
  journal: AccessJournal,
  policiesWith: (name: RoleName) => Promise<readonly string[]>,
): CustomRoleService {
  async function stored(name: RoleName) {
    if (isBuiltIn(name)) throw new FirebreakError('conflict', `${name} is a built-in role, which stays as it is`);
    return existing(loadCustomRole(journal, name), 'role');
  }

  /** Where the role is named, so that nobody could tell any more what is meant there. */
  async function placesOf(name: RoleName): Promise<readonly string[]> {
    const users = (await allUsers(journal)).filter(({ roles }) => roles.includes(name));
    const groups = (await allGroups(journal)).filter(({ roles }) => roles.includes(name));
    return [
      ...users.map(({ id }) => `account ${id}`),
      ...groups.map((group) => `group ${group.id} (${group.name})`),
      ...(await policiesWith(name)).map((id) => `policy ${id}`),
    ];
  }

  return {
    async list({ principal }) {
      requireOperation(principal, 'user.read');
      return [...ROLES.map(builtIn), ...[...(await allCustomRoles(journal)).values()].map(shown)];
    },

    async get({ principal }, name) {
      requireOperation(principal, 'user.read');
      return isBuiltIn(name) ? builtIn(name) : shown((await stored(name)).item);
    },

    async create(ctx, { name, ...input }) {
      requireUsableName(name);
      const by = ctx.principal.userId;
      const times = { createdAt: ctx.now, updatedAt: ctx.now };
      const role = applyRoleInput({ name, description: '', operations: [], version: 1, ...times, savedBy: by }, input);
      return applyAccessChange(journal, ctx, async () => {
        requireMayWriteRole(await presentActor(journal, ctx.principal, 'user.manage'), null, role);
        const present = await allCustomRoles(journal);
        if (present.has(name)) throw new FirebreakError('conflict', `There is a role ${name} already`);
        if (present.size >= MAX_CUSTOM_ROLES)
          throw new FirebreakError('conflict', `There are ${MAX_CUSTOM_ROLES} roles already: delete one first`);
        return { writes: [roleWrite(role, 0)], answer: shown(role) };
      });
    },

    change: (ctx, name, input, ifMatch) =>
      applyAccessChange(journal, ctx, async () => {
        const actor = await presentActor(journal, ctx.principal, 'user.manage');
        const before = await stored(name);
        requireVersion(ifMatch, before.item.version);
        const saved = { version: before.item.version + 1, updatedAt: ctx.now, savedBy: ctx.principal.userId };
        const role = { ...applyRoleInput(before.item, input), ...saved };
        requireMayWriteRole(actor, before.item, role);
        return { writes: [roleWrite(role, before.version)], answer: shown(role) };
      }),

    remove: (ctx, name, ifMatch) =>
      applyAccessChange(journal, ctx, async () => {
        const actor = await presentActor(journal, ctx.principal, 'user.manage');
        const before = await stored(name);
        requireVersion(ifMatch, before.item.version);
        requireMayWriteRole(actor, before.item, null);
        const places = await placesOf(name);
        if (places.length > 0) throw inUse(name, places);
        const gone = roleDeleted(before.item, before.version, ctx.principal.userId, ctx.now);
        return { writes: [gone], answer: shown(before.item) };
      }),
  };
}

function inUse(name: RoleName, places: readonly string[]): FirebreakError {
  const more = places.length > MAX_PLACES ? ` and ${places.length - MAX_PLACES} more` : '';
  return new FirebreakError(
    'conflict',
    `${name} is in use: ${places.slice(0, MAX_PLACES).join(', ')}${more}. Take it out there first.`,
  );
}

function builtIn(name: RoleName): ShownRole {
  const operations = OPERATION_NAMES.filter((operation) => rolesMay([name], 'person', operation));
  return { name, builtIn: true, description: 'built in', operations, stored: null };
}

function shown(role: CustomRole): ShownRole {
  const { name, description, operations } = role;
  return { name, builtIn: false, description, operations, stored: role };
}
