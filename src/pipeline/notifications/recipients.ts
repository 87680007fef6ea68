import { accountsOf } from '../access/access.ts';
import type { Delegation } from '../access/delegation.ts';
import { everyAccountOf } from '../access/every-account.ts';
import { canonicalAccount, identitiesOf, overlaps } from '../access/identities.ts';
import { rolesMay } from '../access/operations.ts';
import type { UserInForce } from '../access/user-in-force.ts';
import { mayVote, seatOf } from '../access/voters.ts';
import { countVotes, mayAnswer as mayAnswerNow, type Approval, type Vote, type Voter } from '../approvals/approval.ts';
import { ifServicesApprove } from '../approvals/external-approver.ts';
import type { RoleName } from '../vocabulary.ts';
import type { Audience } from './notice-of.ts';

/** Who is told when something failed, or nobody answered. */
const OPERATOR_ROLES: readonly RoleName[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'IR_LEAD'];

const NOBODY: ReadonlySet<string> = new Set();

/** Everybody who could be told. */
export interface Staff {
  /** All people who are enabled. */
  readonly people: readonly UserInForce[];
  /** Delegations that have not ended. */
  readonly delegations: readonly Delegation[];
}

/** The people who are told, by id; `at` is business time. Who may answer in somebody's place is told as well. */
export function recipientsOf(audience: Audience, staff: Staff, at: number): readonly UserInForce[] {
  const out = audience.who === 'may' ? everyAccountOf(staff.people, audience.without) : NOBODY;
  const told = staff.people.filter(
    (user) => isTold(audience, staff, user, at) && !overlaps(out, accountsOfPerson(user)),
  );
  return told.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/**
 * Whether all who may still answer could approve it together with those who have, and the services that are
 * asked. Delegates need not be asked: whoever stands in
 * for somebody is that person where votes are counted, so that nobody becomes more by it.
 */
export function isAnswerable(approval: Approval, people: readonly UserInForce[], at: number): boolean {
  const votes = people
    .filter((user) => mayAnswerThemself(approval, user, at))
    .map((user): Vote => {
      const { id: userId, kind, roles } = user;
      const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), issuedBy: userId };
      return { ...voter, decision: 'APPROVE', intentHash: approval.intentHash, at, comment: null };
    });
  // A passkey is registered in a minute: who has none yet can still answer.
  const { requirePasskey: _passkey, ...asked } = ifServicesApprove(approval);
  return countVotes({ ...asked, votes: [...approval.votes, ...votes] }) === 'approved';
}

/** How many may answer in their own right. */
export function countEligible(approval: Approval, people: readonly UserInForce[], at: number): number {
  return people.filter((user) => mayAnswerThemself(approval, user, at)).length;
}

function isTold(audience: Audience, staff: Staff, user: UserInForce, at: number): boolean {
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
    case 'named':
      return audience.userIds.includes(user.id) || user.roles.some((role) => audience.roles.includes(role));
    case 'may':
      return (
        rolesMay(user.roles, user.kind, audience.operation, user.grants) || (audience.operators && isOperator(user))
      );
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
function mayAnswer(
  { approval, playbookId }: { readonly approval: Approval; readonly playbookId: string },
  { people, delegations }: Staff,
  user: UserInForce,
  at: number,
): boolean {
  const lent = delegations.filter(({ delegateId }) => delegateId === user.id);
  const lentSeats = lent.map((each) => seatOf(people, each));
  return mayAnswerNow(approval, { ...voterOf(user), lentSeats }, { intentHash: approval.intentHash, at, playbookId })
    .ok;
}

function mayAnswerThemself(approval: Approval, user: UserInForce, at: number): boolean {
  return mayAnswerNow(approval, voterOf(user), { intentHash: approval.intentHash, at }).ok;
}

function voterOf(user: UserInForce): Voter {
  const { id: userId, kind, roles, disabled } = user;
  const voter = { userId, kind, roles, linkedAccounts: accountsOf(user), disabled, issuedBy: userId };
  return mayVote(user) ? voter : { ...voter, mayVote: false };
}
