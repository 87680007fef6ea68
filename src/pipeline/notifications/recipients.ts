import { accountsOf, type User } from '../access/access.ts';
import { canonicalAccount } from '../access/identities.ts';
import { canVote, countVotes, type Approval, type Vote } from '../approvals/approval.ts';
import { ifServicesApprove } from '../approvals/external-approver.ts';
import type { Role } from '../vocabulary.ts';
import type { Audience } from './notice-of.ts';

/** Who is told when something failed, or nobody answered. */
const OPERATOR_ROLES: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

/** The people who are told, by id. `people` are all who are enabled; `at` is business time. */
export function recipientsOf(audience: Audience, people: readonly User[], at: number): readonly User[] {
  const told = people.filter((user) => isTold(audience, user, at));
  return told.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** Whether all who may still answer could approve it together with those who have, and the services that are asked. */
export function isAnswerable(approval: Approval, people: readonly User[], at: number): boolean {
  const votes = people
    .filter((user) => mayAnswer(approval, user, at))
    .map((user): Vote => {
      const { id: userId, kind, roles } = user;
      const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), issuedBy: userId };
      return { ...voter, decision: 'APPROVE', intentHash: approval.intentHash, at, comment: null };
    });
  return countVotes({ ...ifServicesApprove(approval), votes: [...approval.votes, ...votes] }) === 'approved';
}

function isTold(audience: Audience, user: User, at: number): boolean {
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
    default:
      return audience;
  }
}

function isOperator({ roles }: User): boolean {
  return roles.some((role) => OPERATOR_ROLES.includes(role));
}

/** By the rule that counts votes: who would be refused is not asked. */
function mayAnswer(approval: Approval, user: User, at: number): boolean {
  const { id: userId, kind, roles, disabled } = user;
  const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), disabled, issuedBy: userId };
  return canVote(approval, voter, { intentHash: approval.intentHash, at }).ok;
}
