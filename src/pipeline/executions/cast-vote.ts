import type { CallContext } from '../access/principal.ts';
import type { CastVote, VoteResult } from '../approvals/approvals.service.ts';
import type { Runner } from './runner.ts';

/** Hands a person's vote to its execution. Roles and linked accounts are those of the credential at this moment. */
export async function castVote(runner: Pick<Runner, 'submit'>, ctx: CallContext, vote: CastVote): Promise<VoteResult> {
  const { userId, kind, roles, linkedAccounts, keyIssuedBy, via } = ctx.principal;
  const { executionId, approvalId, decision, intentHash, comment } = vote;
  const { facts } = await runner.submit(executionId, {
    type: 'vote',
    approvalId,
    decision,
    intentHash,
    comment,
    ...(via === undefined ? {} : { via }),
    voter: { userId, kind, roles, linkedAccounts, issuedBy: keyIssuedBy, disabled: false },
  });
  const refused = facts.find((fact) => fact.type === 'vote.refused');
  if (refused !== undefined) return { admitted: false, code: refused.code, reason: refused.reason };
  const ignored = facts.find((fact) => fact.type === 'input.ignored');
  if (ignored !== undefined) return { admitted: false, code: 'already_decided', reason: ignored.why };
  return { admitted: true };
}
