import { invariant } from '../../../platform/errors.ts';
import { withStandInsOnCall } from '../../approvals/on-call-places.ts';
import type { Vote } from '../../approvals/approval.ts';
import { isNonceOver } from '../../approvals/vote-assertion.ts';
import type { Fact } from './facts.ts';
import type { Input } from './inputs.ts';
import type { ActionState, ApprovalState } from './state.ts';

type Of<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/**
 * The subjects of an approval with the account that it is done to: an incident about a host may lead to one that was seen there. The
 * records name those of the incident, and the target beside them.
 */
export function withTarget(subjectIds: readonly string[], { target }: Pick<ActionState, 'target'>): readonly string[] {
  if (target?.type !== 'user' || subjectIds.includes(target.id)) return subjectIds;
  return [...subjectIds, target.id];
}

/** The approval with one more vote in force. */
export function withVote(approval: ApprovalState, { delegationId }: Of<'vote.cast'>, input: Input): ApprovalState {
  invariant(input.type === 'vote', 'vote.cast belongs to a vote');
  const { userId, kind, roles, linkedAccounts, issuedBy, issuerAccounts, lentSeats = [] } = input.voter;
  const made = { issuedBy, ...(issuerAccounts === undefined ? {} : { issuerAccounts }) };
  const { decision, intentHash, at, comment, provenBy, assertion } = input;
  const proven = {
    ...(provenBy === undefined ? {} : { provenBy }),
    ...(assertion === undefined ? {} : { assertion }),
  };
  const seat = delegationId === undefined ? undefined : lentSeats.find((each) => each.delegationId === delegationId);
  invariant(delegationId === undefined || seat !== undefined, 'vote.cast takes a seat that its input names');
  const onBehalf = seat === undefined ? {} : { onBehalfOf: seat };
  const vote = { userId, kind, roles, linkedAccounts, ...made, decision, intentHash, at, comment };
  return { ...approval, votes: [...approval.votes, { ...vote, ...proven, ...onBehalf }] };
}

/** The approval without the vote of this account, which stays among those that were taken back. */
export function withoutVote(approval: ApprovalState, { userId }: Of<'vote.withdrawn'>, input: Input): ApprovalState {
  invariant(input.type === 'withdraw', 'vote.withdrawn belongs to a withdrawal');
  const isMeant = (vote: Vote): boolean => vote.userId === userId;
  const how = { withdrawnBy: input.voter.userId, withdrawnAt: input.at, withdrawnWhy: input.reason };
  const withdrawn = approval.votes.filter(isMeant).map((vote) => ({ ...vote, ...how }));
  return {
    ...approval,
    votes: approval.votes.filter((vote) => !isMeant(vote)),
    withdrawn: [...(approval.withdrawn ?? []), ...withdrawn],
  };
}

/** The approval after a step of its escalation, with the people who are on call by then. */
export function withEscalation(approval: ApprovalState, fact: Of<'approval.escalated'>, at: number): ApprovalState {
  const { level, delayMs, escalateTo, onCall } = fact;
  const escalation = { level, delayMs, escalateTo, at, ...(onCall === undefined ? {} : { onCall }) };
  const escalations = [...(approval.escalations ?? []), escalation];
  if (onCall === undefined) return { ...approval, escalations };
  return { ...approval, escalations, requirements: withStandInsOnCall(approval.requirements, delayMs, onCall) };
}

/** The approval with what a service outside said, or that it did not. */
export function withReply(approval: ApprovalState, { service }: Of<'service.answered'>, input: Input): ApprovalState {
  invariant(input.type === 'service_answer', 'service.answered belongs to an answer of a service');
  const services = (approval.services ?? []).map((asked) =>
    asked.name === service ? { ...asked, reply: input.reply } : asked,
  );
  return { ...approval, services };
}

/** The approval with who decided it alone. */
export function withBrokenGlass(approval: ApprovalState, input: Input): ApprovalState {
  invariant(input.type === 'break_glass' && input.declaration !== null, 'glass is broken as it was declared');
  const { useId, reason, at, voter, declaration } = input;
  const { id: declarationId, version } = declaration;
  return { ...approval, brokenGlass: { useId, declarationId, version, userId: voter.userId, reason, at } };
}

/** What a passkey has signed is used up, whatever came of it: the record in which it stands can be read by others. */
export function withSpentNonce(approval: ApprovalState, input: Input): ApprovalState {
  if (input.type !== 'vote' || input.assertion === undefined) return approval;
  const known = (approval.spentNonces ?? []).filter((nonce) => !isNonceOver({ nonce }, input.at));
  return { ...approval, spentNonces: [...known, input.assertion.nonce] };
}
