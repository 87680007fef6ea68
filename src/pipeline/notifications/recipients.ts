import { accountsOf, type User } from '../access/access.ts';
import type { Delegation } from '../access/delegation.ts';
import { seatOf } from '../access/voters.ts';
import { canonicalAccount } from '../access/identities.ts';
import { canVote, countVotes, type Approval, type Vote, type Voter } from '../approvals/approval.ts';
import type { Role } from '../vocabulary.ts';
import type { Audience } from './notice-of.ts';

/** Who is told when something failed, or nobody answered. */
const OPERATOR_ROLES: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

/** Everybody who could be told. */
export interface Staff {
  /** All people who are enabled. */
  readonly people: readonly User[];
  /** Delegations that have not ended. */
  readonly delegations: readonly Delegation[];
}

/** The people who are told, by id; `at` is business time. Who may answer in somebody's place is told as well. */
export function recipientsOf(audience: Audience, staff: Staff, at: number): readonly User[] {
  const told = staff.people.filter((user) => isTold(audience, staff, user, at));
  return told.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/**
 * Whether all who may still answer could approve it together with those who have. Delegates need not be asked: whoever stands in
 * for somebody is that person where votes are counted, so that nobody becomes more by it.
 */
export function isAnswerable(approval: Approval, people: readonly User[], at: number): boolean {
  const votes = people
    .filter((user) => mayAnswerThemself(approval, user, at))
    .map((user): Vote => {
      const { id: userId, kind, roles } = user;
      const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), issuedBy: userId };
      return { ...voter, decision: 'APPROVE', intentHash: approval.intentHash, at, comment: null };
    });
  return countVotes({ ...approval, votes: [...approval.votes, ...votes] }) === 'approved';
}

/** How many may answer in their own right. */
export function countEligible(approval: Approval, people: readonly User[], at: number): number {
  return people.filter((user) => mayAnswerThemself(approval, user, at)).length;
}

function isTold(audience: Audience, staff: Staff, user: User, at: number): boolean {
  switch (audience.who) {
    case 'may-answer':
      return mayAnswer(audience, staff, user, at) || (audience.alsoOperators === true && isOperator(user));
    case 'were-asked': {
      const { approval } = audience;
      const isRequester = canonicalAccount(approval.requester) === canonicalAccount(user.id);
      // As if nobody had answered yet: who voted wants to know what came of it as well.
      const asked: Approval = { ...approval, votes: [], status: 'PENDING', expiresAt: at + 1 };
      const unanswered = approval.status === 'EXPIRED' && isOperator(user);
      return isRequester || unanswered || mayAnswer({ ...audience, approval: asked }, staff, user, at);
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
function mayAnswer(
  { approval, playbookId }: { readonly approval: Approval; readonly playbookId: string },
  { people, delegations }: Staff,
  user: User,
  at: number,
): boolean {
  const lent = delegations.filter(({ delegateId }) => delegateId === user.id);
  const lentSeats = lent.map((each) => seatOf(people, each));
  return canVote(approval, { ...voterOf(user), lentSeats }, { intentHash: approval.intentHash, at, playbookId }).ok;
}

function mayAnswerThemself(approval: Approval, user: User, at: number): boolean {
  return canVote(approval, voterOf(user), { intentHash: approval.intentHash, at }).ok;
}

function voterOf(user: User): Voter {
  const { id: userId, kind, roles, disabled } = user;
  return { userId, kind, roles, linkedAccounts: accountsOf(user), disabled, issuedBy: userId };
}
