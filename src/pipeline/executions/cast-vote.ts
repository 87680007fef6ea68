import type { CallContext } from '../access/principal.ts';
import type { Voters } from '../access/voters.ts';
import type { CastVote, VoteResult } from '../approvals/approvals.service.ts';
import type { TakeBack } from '../approvals/withdrawals.service.ts';
import type { Fact } from './core/facts.ts';
import type { Runner } from './runner.ts';

export interface VotePorts {
  readonly runner: Pick<Runner, 'submit'>;
  readonly voters: Voters;
}

/**
 * Hands a person's vote to its execution. Roles, accounts, being disabled and the seats that were lent to them are what the journal
 * says at this moment.
 */
export async function castVote({ runner, voters }: VotePorts, ctx: CallContext, vote: CastVote): Promise<VoteResult> {
  const { provenBy } = ctx.principal;
  const { executionId, approvalId, decision, intentHash, comment, assertion, onBehalfOf } = vote;
  const { facts } = await runner.submit(executionId, {
    type: 'vote',
    approvalId,
    decision,
    intentHash,
    comment,
    ...(provenBy === 'key' ? {} : { provenBy }),
    ...(assertion === undefined ? {} : { assertion }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    voter: await voters.present(ctx.principal, ctx.now),
  });
  return resultOf(facts);
}

/** Takes a person's vote back, as the journal knows them at this moment. */
export async function takeBackVote(
  { runner, voters }: VotePorts,
  ctx: CallContext,
  { executionId, approvalId, reason }: TakeBack,
): Promise<VoteResult> {
  const { provenBy } = ctx.principal;
  const { facts } = await runner.submit(executionId, {
    type: 'withdraw',
    approvalId,
    reason,
    ...(provenBy === 'key' ? {} : { provenBy }),
    voter: await voters.present(ctx.principal, ctx.now),
  });
  return resultOf(facts);
}

function resultOf(facts: readonly Fact[]): VoteResult {
  const refused = facts.find((fact) => fact.type === 'vote.refused' || fact.type === 'withdrawal.refused');
  if (refused !== undefined) return { admitted: false, code: refused.code, reason: refused.reason };
  const ignored = facts.find((fact) => fact.type === 'input.ignored');
  if (ignored !== undefined) return { admitted: false, code: 'already_decided', reason: ignored.why };
  return { admitted: true };
}
