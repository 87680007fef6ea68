import type { CallContext } from '../access/principal.ts';
import type { Voters } from '../access/voters.ts';
import type { CastVote, VoteResult } from '../approvals/approvals.service.ts';
import type { Runner } from './runner.ts';

export interface VotePorts {
  readonly runner: Pick<Runner, 'submit'>;
  readonly voters: Voters;
}

/** Hands a person's vote to its execution. Roles, accounts and being disabled are what the journal says at this moment. */
export async function castVote({ runner, voters }: VotePorts, ctx: CallContext, vote: CastVote): Promise<VoteResult> {
  const { provenBy } = ctx.principal;
  const { executionId, approvalId, decision, intentHash, comment, assertion } = vote;
  const { facts } = await runner.submit(executionId, {
    type: 'vote',
    approvalId,
    decision,
    intentHash,
    comment,
    ...(provenBy === 'key' ? {} : { provenBy }),
    ...(assertion === undefined ? {} : { assertion }),
    voter: await voters.present(ctx.principal),
  });
  const refused = facts.find((fact) => fact.type === 'vote.refused');
  if (refused !== undefined) return { admitted: false, code: refused.code, reason: refused.reason };
  const ignored = facts.find((fact) => fact.type === 'input.ignored');
  if (ignored !== undefined) return { admitted: false, code: 'already_decided', reason: ignored.why };
  return { admitted: true };
}
