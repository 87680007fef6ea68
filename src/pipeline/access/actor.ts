import { FirebreakError } from '../../platform/errors.ts';
import { accountsOf } from './access.ts';
import { loadUserInForce } from './access-in-force.ts';
import type { AccessJournal } from './access.store.ts';
import type { Operation } from './operations.ts';
import { requireOperation, type Principal } from './principal.ts';

/**
 * The caller with the roles of this moment: between letting a call in and deciding about it lies the time that it takes to
 * arrive, which its sender chooses.
 * @throws FirebreakError `unauthenticated` when the account was disabled meanwhile, `forbidden` when it lost the operation.
 */
export async function presentActor(
  journal: Pick<AccessJournal, 'view'>,
  principal: Principal,
  operation: Operation,
): Promise<Principal> {
  const user = await loadUserInForce(journal, principal.userId);
  if (user === null || user.disabled) throw new FirebreakError('unauthenticated', 'The account is disabled');
  const present = { ...principal, roles: user.roles, grants: user.grants, linkedAccounts: accountsOf(user) };
  requireOperation(present, operation);
  return present;
}
