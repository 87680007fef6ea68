import { randomBytes } from 'node:crypto';
import type { Services } from '../api/services.ts';
import { createAccessService } from '../pipeline/access/access.service.ts';
import type { AccessJournal } from '../pipeline/access/access.store.ts';
import { createCustomRoleService } from '../pipeline/access/custom-roles.service.ts';
import { createGroupService } from '../pipeline/access/groups.service.ts';
import type { PolicyService } from '../pipeline/approvals/policies.service.ts';
import type { GuardService } from '../pipeline/guards/guards.service.ts';
import {
  createProposedChangeService,
  type ProposedChangePorts,
  type ProposedChangeService,
} from '../pipeline/guards/proposed-changes.service.ts';
import type { RoleName } from '../pipeline/vocabulary.ts';

/** Accounts with their keys, groups and roles. @param policiesWith ids of the policies that name a role. */
export function openRights(
  journal: AccessJournal,
  policiesWith: (name: RoleName) => Promise<readonly string[]>,
): Pick<Services, 'access' | 'groups' | 'roles'> {
  return {
    access: createAccessService(journal, randomBytes),
    groups: createGroupService(journal, randomBytes),
    roles: createCustomRoleService(journal, policiesWith),
  };
}

/**
 * Where what takes a safeguard away waits for a second person. What waits can be decided in any case.
 * @param writers asked when somebody confirms: they are built with this, so after it.
 */
export function openChanges(
  ports: Omit<ProposedChangePorts, 'enforce'>,
  writers: () => { readonly policies: PolicyService; readonly guards: GuardService },
): ProposedChangeService {
  return createProposedChangeService({
    ...ports,
    enforce: {
      policy: (ctx, terms, by) => writers().policies.enforce(ctx, terms, by),
      guard: (ctx, terms, by) => writers().guards.enforce(ctx, terms, by),
    },
  });
}
