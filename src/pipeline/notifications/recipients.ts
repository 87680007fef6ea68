import { accountsOf } from '../access/access.ts';
import { everyAccountOf } from '../access/every-account.ts';
import { canonicalAccount, identitiesOf, overlaps } from '../access/identities.ts';
import { rolesMay } from '../access/operations.ts';
import type { UserInForce } from '../access/user-in-force.ts';
import { countVotes, mayAnswer as mayAnswerNow, type Approval, type Vote } from '../approvals/approval.ts';
import { ifServicesApprove } from '../approvals/external-approver.ts';
import type { RoleName } from '../vocabulary.ts';
import type { Audience } from './notice-of.ts';

/** Who is told when something failed, or nobody answered. */
const OPERATOR_ROLES: readonly RoleName[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

const NOBODY: ReadonlySet<string> = new Set();

/** The people who are told, by id. `people` are all who are enabled; `at` is business time. */
export function recipientsOf(audience: Audience, people: readonly UserInForce[], at: number): readonly UserInForce[] {
  const out = audience.who === 'may' ? everyAccountOf(people, audience.without) : NOBODY;
  const told = people.filter((user) => isTold(audience, user, at) && !overlaps(out, accountsOfPerson(user)));
  return told.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** Whether all who may still answer could approve it together with those who have, and the services that are asked. */
export function isAnswerable(approval: Approval, people: readonly UserInForce[], at: number): boolean {
  const votes = people
    .filter((user) => mayAnswer(approval, user, at))
    .map((user): Vote => {
      const { id: userId, kind, roles } = user;
      const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), issuedBy: userId };
      return { ...voter, decision: 'APPROVE', intentHash: approval.intentHash, at, comment: null };
    });
  // A passkey is registered in a minute: who has none yet can still answer.
  const { requirePasskey: _passkey, ...asked } = ifServicesApprove(approval);
  return countVotes({ ...asked, votes: [...approval.votes, ...votes] }) === 'approved';
}

function isTold(audience: Audience, user: UserInForce, at: number): boolean {
  switch (audience.who) {
    case 'may-answer':
      return mayAnswer(audience.approval, user, at);
    case 'were-asked': {
      const { approval } = audience;
      const isRequester = canonicalAccount(approval.requester) === canonicalAccount(user.id);
      // As if nobody had answered yet: who voted wants to know what came of it as well.
      const asked: Approval = { ...approval, votes: [], status: 'PENDING', expiresAt: at + 1 };
      const unanswered = approval.status === 'EXPIRED' && isOperator(user);
      return isRequester || unanswered || mayAnswer(asked, user, at);
    }
    case 'operators':
      return user.id === audience.requester || isOperator(user);
    case 'may':
      return rolesMay(user.roles, user.kind, audience.operation) || (audience.operators && isOperator(user));
    default:
      return audience;
  }
}

function accountsOfPerson(user: UserInForce): ReadonlySet<string> {
  return identitiesOf({ userId: user.id, linkedAccounts: accountsOf(user) });
}

function isOperator({ roles }: UserInForce): boolean {
  return roles.some((role) => OPERATOR_ROLES.includes(role));
}

/** By the rule that counts votes: who would be refused is not asked. */
function mayAnswer(approval: Approval, user: UserInForce, at: number): boolean {
  const { id: userId, kind, roles, disabled, grants } = user;
  if (!rolesMay(roles, kind, 'approval.vote', grants)) return false;
  const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), disabled, issuedBy: userId };
  return mayAnswerNow(approval, voter, { intentHash: approval.intentHash, at }).ok;
}
